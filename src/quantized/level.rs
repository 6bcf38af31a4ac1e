//! [`Level`]: the SIMD instructions, selected at run time.
//!
//! Sums are of whole numbers, so every level gives the same bits.

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
use super::vectors::neon::{Neon, has_dot, with_dot};
#[cfg(target_arch = "x86_64")]
use super::vectors::x86::{Sse2, has_avx2, has_vnni, with_avx2, with_vnni};
use super::{lanes::Kernel, vectors::portable::Portable};

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
        let available = |level: &&Level| level.is_available();
        let widest = Level::ALL.iter().find(available);
        widest.copied().unwrap_or(Level::Portable)
    }

    /// Whether this processor has it. Miri interprets few instructions of SIMD.
    #[inline(always)]
    pub fn is_available(self) -> bool {
        if cfg!(miri) {
            return self == Level::Portable;
        }
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Vnni => has_vnni(),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => has_avx2(),
            #[cfg(target_arch = "x86_64")]
            Level::Sse2 => true,
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Level::NeonDot => has_dot(),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Level::Neon => true,
            Level::Portable => true,
        }
    }
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
