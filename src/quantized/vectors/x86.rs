//! [`Vnni`], [`Avx2`] and [`Sse2`]: the vectors of x86-64, and whether the processor has them.

use core::arch::x86_64::*;

use super::super::{
    lanes::{Kernel, Lanes},
    pack::QUAD,
};

#[inline(always)]
pub(in super::super) fn has_vnni() -> bool {
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

#[inline(always)]
pub(in super::super) fn has_avx2() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(feature = "std"))]
    return cfg!(target_feature = "avx2");
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(in super::super) fn with_vnni<K: Kernel>(kernel: K) {
    kernel.run(Vnni(()))
}

#[target_feature(enable = "avx2")]
pub(in super::super) fn with_avx2<K: Kernel>(kernel: K) {
    kernel.run(Avx2::<true>(()))
}

/// Proof that AVX-512 with VNNI is available: constructed only by [`with_vnni`].
#[derive(Clone, Copy)]
pub(in super::super) struct Vnni(());

// SAFETY, for every block: a `Vnni` is constructed only where its instructions are available. The caller guarantees
// what a pointer must be valid for.
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
#[derive(Clone, Copy)]
pub(in super::super) struct Avx2<const CENTRED: bool>(());

// SAFETY, for every block: as for `Vnni`.
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
#[derive(Clone, Copy)]
pub(in super::super) struct Sse2;

// SAFETY, for every block: the instructions are always available. The caller guarantees what a pointer must be valid for.
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
