//! SIMD vectors of sums, and dispatch on the processor's instructions at run time.
//!
//! Sums are of whole numbers, so every level gives the same bits.

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
use super::vectors::neon::{Neon, has_dot, with_dot};
#[cfg(target_arch = "x86_64")]
use super::vectors::x86::{Sse2, has_avx2, has_vnni, with_avx2, with_vnni};
use super::{pack::QUAD, vectors::portable::Portable};

/// A SIMD instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// AVX-512 with its dot product of bytes (VNNI).
    #[cfg(target_arch = "x86_64")]
    Vnni,
    /// AVX2, whose product of bytes takes signed ones, and saturates otherwise.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// SSE2, with products of 16 bits.
    #[cfg(target_arch = "x86_64")]
    Sse2,
    /// NEON with its dot product of signed bytes (`dotprod`).
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    NeonDot,
    /// NEON, with products of signed bytes.
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    Neon,
    /// Vectorised by the compiler.
    Portable,
}

impl Level {
    /// From the widest on.
    pub const ALL: &'static [Level] = &[
        #[cfg(target_arch = "x86_64")]
        Level::Vnni,
        #[cfg(target_arch = "x86_64")]
        Level::Avx2,
        #[cfg(target_arch = "x86_64")]
        Level::Sse2,
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        Level::NeonDot,
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        Level::Neon,
        Level::Portable,
    ];

    /// The widest that this processor has or, without `std`, that the build targets.
    #[inline(always)]
    pub(super) fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        return if cfg!(miri) {
            // Miri interprets few instructions of SIMD.
            Level::Portable
        } else if has_vnni() {
            Level::Vnni
        } else if has_avx2() {
            Level::Avx2
        } else {
            Level::Sse2
        };
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        return if cfg!(miri) {
            Level::Portable
        } else if has_dot() {
            Level::NeonDot
        } else {
            Level::Neon
        };
        #[cfg(not(any(
            target_arch = "x86_64",
            all(target_arch = "aarch64", target_endian = "little")
        )))]
        Level::Portable
    }

    /// Whether this processor has it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Vnni => has_vnni(),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => has_avx2(),
            #[cfg(target_arch = "x86_64")]
            Level::Sse2 => !cfg!(miri),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Level::NeonDot => has_dot(),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Level::Neon => !cfg!(miri),
            Level::Portable => true,
        }
    }
}

/// A computation that is compiled for every [`Level`].
pub(super) trait Kernel {
    /// Must be `#[inline(always)]`, and so must all that it calls in its loops: only then is it
    /// compiled with the level's instructions.
    fn run<L: Lanes>(self, lanes: L);
}

/// Runs `kernel` with the instructions of `level`, or with portable code where the processor lacks them.
#[inline(always)]
pub(super) fn dispatch<K: Kernel>(level: Level, kernel: K) {
    match level {
        // SAFETY: the guard has checked that the processor has these instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Vnni if has_vnni() => unsafe { with_vnni(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 if has_avx2() => unsafe { with_avx2(kernel) },
        #[cfg(target_arch = "x86_64")]
        Level::Sse2 => kernel.run(Sse2),
        // SAFETY: as above.
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        Level::NeonDot if has_dot() => unsafe { with_dot(kernel) },
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        Level::NeonDot | Level::Neon => kernel.run(Neon::<true, false>::new()),
        _ => kernel.run(Portable),
    }
}

/// The operations of a product, on vectors of [`LANES`](Lanes::LANES) sums.
pub(super) trait Lanes: Copy {
    type Sums: Copy;
    /// Four codes, the same in every lane.
    type Codes: Copy;
    /// Four weights for each lane.
    type Weights: Copy;
    /// Divides 16.
    const LANES: usize;
    /// The number of vectors of outputs for which the sums of several columns fit in registers, whole blocks of 16 outputs.
    const WIDE: usize;
    /// Whether it computes with the codes minus 128: then 128 times the sum of the weights is in the bias.
    const CENTRED: bool = false;
    /// The same instructions, with the codes themselves: where codes of 0 are skipped.
    type Uncentred: Lanes;
    fn uncentred(self) -> Self::Uncentred;

    fn zeros(self) -> Self::Sums;
    fn codes(self, quad: [u8; QUAD]) -> Self::Codes;
    /// # Safety
    /// `from` is valid for reads of `4 LANES` bytes.
    unsafe fn weights(self, from: *const i8) -> Self::Weights;
    /// To each lane's sum, adds its four products, modulo 2^32.
    fn add_products(
        self,
        sums: Self::Sums,
        codes: Self::Codes,
        weights: Self::Weights,
    ) -> Self::Sums;
    fn add(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// # Safety
    /// `to` is valid for writes of `LANES` values.
    unsafe fn store(self, to: *mut i32, sums: Self::Sums);
}
