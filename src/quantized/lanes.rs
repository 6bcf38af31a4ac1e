//! SIMD vectors of sums, and dispatch on the processor's instructions at run time.
//!
//! Sums are of whole numbers, so every level gives the same bits.

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

use super::pack::QUAD;

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
        #[cfg(not(target_arch = "x86_64"))]
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
            Level::Portable => true,
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn has_vnni() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("avx512vnni");
    #[cfg(not(feature = "std"))]
    return cfg!(all(
        target_feature = "avx512f",
        target_feature = "avx512bw",
        target_feature = "avx512vl",
        target_feature = "avx512vnni"
    ));
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn has_avx2() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(feature = "std"))]
    return cfg!(target_feature = "avx2");
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
        _ => kernel.run(Portable),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn with_vnni<K: Kernel>(kernel: K) {
    kernel.run(Vnni(()))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<K: Kernel>(kernel: K) {
    kernel.run(Avx2::<true>(()))
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

/// Proof that AVX-512 with VNNI is available: constructed only by [`with_vnni`].
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Vnni(());

// SAFETY, for every block: a `Vnni` is constructed only where its instructions are available. The caller guarantees
// what a pointer must be valid for.
#[cfg(target_arch = "x86_64")]
impl Lanes for Vnni {
    type Sums = __m512i;
    type Codes = __m512i;
    type Weights = __m512i;
    const LANES: usize = 16;
    const WIDE: usize = 4;
    type Uncentred = Self;

    #[inline(always)]
    fn uncentred(self) -> Self {
        self
    }

    #[inline(always)]
    fn zeros(self) -> __m512i {
        // SAFETY: above.
        unsafe { _mm512_setzero_si512() }
    }

    #[inline(always)]
    fn codes(self, quad: [u8; QUAD]) -> __m512i {
        // SAFETY: above.
        unsafe { _mm512_set1_epi32(i32::from_ne_bytes(quad)) }
    }

    #[inline(always)]
    unsafe fn weights(self, from: *const i8) -> __m512i {
        // SAFETY: above; the load needs no alignment.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    fn add_products(self, sums: __m512i, codes: __m512i, weights: __m512i) -> __m512i {
        // SAFETY: above.
        unsafe { _mm512_dpbusd_epi32(sums, codes, weights) }
    }

    #[inline(always)]
    fn add(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: above.
        unsafe { _mm512_add_epi32(a, b) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32, sums: __m512i) {
        // SAFETY: above; the store needs no alignment.
        unsafe { _mm512_storeu_si512(to.cast(), sums) }
    }
}

/// Proof that AVX2 is available: constructed only by [`with_avx2`]. It computes with centred codes, or with the codes themselves.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx2<const CENTRED: bool>(());

// SAFETY, for every block: as for `Vnni`.
#[cfg(target_arch = "x86_64")]
impl<const CENTRED: bool> Lanes for Avx2<CENTRED> {
    type Sums = __m256i;
    /// The codes minus 128, and their absolute values; or the codes in two halves.
    type Codes = [__m256i; 2];
    type Weights = __m256i;
    const LANES: usize = 8;
    const WIDE: usize = 2;
    const CENTRED: bool = CENTRED;
    type Uncentred = Avx2<false>;

    #[inline(always)]
    fn uncentred(self) -> Avx2<false> {
        Avx2(())
    }

    #[inline(always)]
    fn zeros(self) -> __m256i {
        // SAFETY: above.
        unsafe { _mm256_setzero_si256() }
    }

    #[inline(always)]
    fn codes(self, quad: [u8; QUAD]) -> [__m256i; 2] {
        // SAFETY: above.
        unsafe {
            let quad = _mm256_set1_epi32(i32::from_ne_bytes(quad));
            if CENTRED {
                let quad = _mm256_xor_si256(quad, _mm256_set1_epi8(i8::MIN));
                [quad, _mm256_abs_epi8(quad)]
            } else {
                // rounded up, and the rest
                let half = _mm256_avg_epu8(quad, _mm256_setzero_si256());
                [half, _mm256_sub_epi8(quad, half)]
            }
        }
    }

    #[inline(always)]
    unsafe fn weights(self, from: *const i8) -> __m256i {
        // SAFETY: above; the load needs no alignment.
        unsafe { _mm256_loadu_si256(from.cast()) }
    }

    /// The sum of two products has 16 bits, and would saturate above 32,767: it is at most `2 * 128 * 127`.
    #[inline(always)]
    fn add_products(self, sums: __m256i, codes: [__m256i; 2], weights: __m256i) -> __m256i {
        // SAFETY: above.
        unsafe {
            let ones = _mm256_set1_epi16(1);
            if CENTRED {
                let weights = _mm256_sign_epi8(weights, codes[0]);
                let pairs = _mm256_maddubs_epi16(codes[1], weights);
                _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, ones))
            } else {
                let first = _mm256_maddubs_epi16(codes[0], weights);
                let second = _mm256_maddubs_epi16(codes[1], weights);
                let first = _mm256_add_epi32(sums, _mm256_madd_epi16(first, ones));
                _mm256_add_epi32(first, _mm256_madd_epi16(second, ones))
            }
        }
    }

    #[inline(always)]
    fn add(self, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: above.
        unsafe { _mm256_add_epi32(a, b) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32, sums: __m256i) {
        // SAFETY: above; the store needs no alignment.
        unsafe { _mm256_storeu_si256(to.cast(), sums) }
    }
}

/// SSE2, which every processor of x86-64 has.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Sse2;

// SAFETY, for every block: the instructions are always available. The caller guarantees what a pointer must be valid for.
#[cfg(target_arch = "x86_64")]
impl Lanes for Sse2 {
    type Sums = __m128i;
    /// The first and third code of each lane, and the second and fourth, as 16 bits.
    type Codes = [__m128i; 2];
    /// Likewise: products of 16 bits are added in pairs as 32 bits.
    type Weights = [__m128i; 2];
    const LANES: usize = 4;
    const WIDE: usize = 4;
    type Uncentred = Self;

    #[inline(always)]
    fn uncentred(self) -> Self {
        self
    }

    #[inline(always)]
    fn zeros(self) -> __m128i {
        // SAFETY: above.
        unsafe { _mm_setzero_si128() }
    }

    #[inline(always)]
    fn codes(self, quad: [u8; QUAD]) -> [__m128i; 2] {
        // SAFETY: above.
        unsafe {
            let quad = _mm_set1_epi32(i32::from_ne_bytes(quad));
            [
                _mm_and_si128(quad, _mm_set1_epi16(0xff)),
                _mm_srli_epi16::<8>(quad),
            ]
        }
    }

    #[inline(always)]
    unsafe fn weights(self, from: *const i8) -> [__m128i; 2] {
        // SAFETY: above; the load needs no alignment.
        unsafe {
            let quads = _mm_loadu_si128(from.cast());
            [
                _mm_srai_epi16::<8>(_mm_slli_epi16::<8>(quads)),
                _mm_srai_epi16::<8>(quads),
            ]
        }
    }

    #[inline(always)]
    fn add_products(self, sums: __m128i, codes: [__m128i; 2], weights: [__m128i; 2]) -> __m128i {
        // SAFETY: above.
        unsafe {
            let even = _mm_madd_epi16(codes[0], weights[0]);
            let odd = _mm_madd_epi16(codes[1], weights[1]);
            _mm_add_epi32(sums, _mm_add_epi32(even, odd))
        }
    }

    #[inline(always)]
    fn add(self, a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: above.
        unsafe { _mm_add_epi32(a, b) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32, sums: __m128i) {
        // SAFETY: above; the store needs no alignment.
        unsafe { _mm_storeu_si128(to.cast(), sums) }
    }
}

/// Four lanes of plain Rust, which the compiler may vectorise.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Lanes for Portable {
    type Sums = [i32; 4];
    type Codes = [u8; QUAD];
    type Weights = [[i8; QUAD]; 4];
    const LANES: usize = 4;
    const WIDE: usize = 4;
    type Uncentred = Self;

    #[inline(always)]
    fn uncentred(self) -> Self {
        self
    }

    #[inline(always)]
    fn zeros(self) -> [i32; 4] {
        [0; 4]
    }

    #[inline(always)]
    fn codes(self, quad: [u8; QUAD]) -> [u8; QUAD] {
        quad
    }

    #[inline(always)]
    unsafe fn weights(self, from: *const i8) -> [[i8; QUAD]; 4] {
        // SAFETY: guaranteed by the caller; bytes need no alignment.
        unsafe { from.cast::<[[i8; QUAD]; 4]>().read() }
    }

    #[inline(always)]
    fn add_products(self, sums: [i32; 4], codes: [u8; QUAD], weights: [[i8; QUAD]; 4]) -> [i32; 4] {
        let mut sums = sums;
        for (sum, weights) in sums.iter_mut().zip(weights) {
            for (code, weight) in codes.into_iter().zip(weights) {
                *sum = sum.wrapping_add(i32::from(code) * i32::from(weight));
            }
        }
        sums
    }

    #[inline(always)]
    fn add(self, a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        let mut sums = a;
        for (sum, b) in sums.iter_mut().zip(b) {
            *sum = sum.wrapping_add(b);
        }
        sums
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut i32, sums: [i32; 4]) {
        // SAFETY: guaranteed by the caller; the write needs no alignment.
        unsafe { to.cast::<[i32; 4]>().write_unaligned(sums) }
    }
}
