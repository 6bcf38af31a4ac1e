//! [`Avx512`] and [`Avx2`]: the vectors of x86-64, and whether the processor has them.

use core::arch::x86_64::*;

use crate::single::{
    arithmetic::{Arithmetic, exponent},
    lanes::{Kernel, Lanes},
};

#[inline(always)]
pub(in crate::single) fn has_avx512() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_x86_feature_detected!("avx512f") && has_avx2();
    #[cfg(not(feature = "std"))]
    return cfg!(target_feature = "avx512f") && has_avx2();
}

#[inline(always)]
pub(in crate::single) fn has_avx2() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("fma")
        && std::arch::is_x86_feature_detected!("bmi1")
        && std::arch::is_x86_feature_detected!("f16c")
        && std::arch::is_x86_feature_detected!("popcnt");
    #[cfg(not(feature = "std"))]
    return cfg!(all(
        target_feature = "avx2",
        target_feature = "fma",
        target_feature = "bmi1",
        target_feature = "f16c",
        target_feature = "popcnt"
    ));
}

#[target_feature(enable = "avx512f,avx2,fma,bmi1,f16c,popcnt")]
pub(in crate::single) fn with_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(()))
}

#[target_feature(enable = "avx2,fma,bmi1,f16c,popcnt")]
pub(in crate::single) fn with_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

/// Proof that AVX-512 is available: constructed only by [`with_avx512`].
#[derive(Clone, Copy)]
pub(in crate::single) struct Avx512(());

// SAFETY, for every block: an `Avx512` is constructed only where its instructions are available. The caller guarantees
// what a pointer must be valid for.
impl Arithmetic for Avx512 {
    type Vector = __m512;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: above.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: above.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: above.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: above.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: above.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: above.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn abs(self, v: __m512) -> __m512 {
        // SAFETY: above.
        unsafe { _mm512_abs_ps(v) }
    }

    #[inline(always)]
    fn if_less(self, [a, b]: [__m512; 2], then: __m512, other: __m512) -> __m512 {
        // SAFETY: above.
        unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), other, then) }
    }

    #[inline(always)]
    fn power_of_two(self, n: __m512, more: i32) -> __m512 {
        // SAFETY: above.
        unsafe {
            let shifted = _mm512_slli_epi32::<23>(_mm512_castps_si512(n));
            let bits = _mm512_add_epi32(shifted, _mm512_set1_epi32(exponent(more)));
            _mm512_castsi512_ps(bits)
        }
    }
}

impl Lanes for Avx512 {
    const LANES: usize = 16;
    const MAX_BLOCKS: usize = 8;
    const ACCUMULATORS: usize = 24;
    const VECTORS: usize = 4;

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m512 {
        // SAFETY: above.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const [u8; 4]) -> __m512 {
        // SAFETY: above; x86 is little-endian, and the load needs no alignment.
        unsafe { _mm512_loadu_ps(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_f16(self, from: *const [u8; 2]) -> __m512 {
        // SAFETY: above; x86 is little-endian, and the load needs no alignment.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_bf16(self, from: *const [u8; 2]) -> __m512 {
        // SAFETY: as above.
        unsafe {
            let bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits))
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: __m512) {
        // SAFETY: above.
        unsafe { _mm512_storeu_ps(to, vector) }
    }

    #[inline(always)]
    unsafe fn load_first(self, from: *const f32, count: usize) -> __m512 {
        // SAFETY: above; lanes outside of the mask are not read.
        unsafe { _mm512_maskz_loadu_ps(first_lanes(count), from) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, vector: __m512, count: usize) {
        // SAFETY: above; lanes outside of the mask are not written.
        unsafe { _mm512_mask_storeu_ps(to, first_lanes(count), vector) }
    }

    #[inline(always)]
    fn relu(self, v: __m512) -> __m512 {
        // SAFETY: above. Where either operand is NaN, the instruction returns the second.
        unsafe { _mm512_max_ps(_mm512_setzero_ps(), v) }
    }

    #[inline(always)]
    fn max(self, most: __m512, v: __m512) -> __m512 {
        // SAFETY: above. The maximum is its second operand where either is NaN, or both are zeros.
        unsafe {
            let is_nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(v, v);
            _mm512_mask_mov_ps(_mm512_max_ps(v, most), is_nan, v)
        }
    }

    #[inline(always)]
    unsafe fn list_nonzero(self, v: __m512, first: u16, list: *mut u16) -> usize {
        // SAFETY: above. All 16 values of the list are written, though fewer may count.
        unsafe {
            let nonzero = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(v, _mm512_setzero_ps());
            let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            let places = _mm512_add_epi32(lanes, _mm512_set1_epi32(i32::from(first)));
            let places = _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(nonzero, places));
            list.cast::<__m256i>().write_unaligned(places);
            nonzero.count_ones() as usize
        }
    }

    #[inline(always)]
    fn deinterleave(self, a: __m512, b: __m512) -> [__m512; 2] {
        // SAFETY: above.
        unsafe {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
            [
                _mm512_permutex2var_ps(a, even, b),
                _mm512_permutex2var_ps(a, odd, b),
            ]
        }
    }

    #[inline(always)]
    fn sum(self, v: __m512) -> f32 {
        // SAFETY: above.
        unsafe { _mm512_reduce_add_ps(v) }
    }
}

/// The mask of the first `count` of 16 lanes.
#[inline(always)]
fn first_lanes(count: usize) -> __mmask16 {
    ((1_u32 << count) - 1) as __mmask16
}

/// Proof that AVX2 and FMA are available: constructed only by [`with_avx2`].
#[derive(Clone, Copy)]
pub(in crate::single) struct Avx2(());

impl Avx2 {
    /// The mask of the first `count` lanes.
    #[inline(always)]
    fn first_lanes(self, count: usize) -> __m256i {
        // SAFETY: below.
        unsafe {
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), lanes)
        }
    }
}

// SAFETY, for every block: as for `Avx512`.
impl Arithmetic for Avx2 {
    type Vector = __m256;

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: above.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: above.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: above.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: above.
        unsafe { _mm256_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: above.
        unsafe { _mm256_div_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: above.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn abs(self, v: __m256) -> __m256 {
        // SAFETY: above.
        unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), v) }
    }

    #[inline(always)]
    fn if_less(self, [a, b]: [__m256; 2], then: __m256, other: __m256) -> __m256 {
        // SAFETY: above.
        unsafe { _mm256_blendv_ps(other, then, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) }
    }

    #[inline(always)]
    fn power_of_two(self, n: __m256, more: i32) -> __m256 {
        // SAFETY: above.
        unsafe {
            let shifted = _mm256_slli_epi32::<23>(_mm256_castps_si256(n));
            let bits = _mm256_add_epi32(shifted, _mm256_set1_epi32(exponent(more)));
            _mm256_castsi256_ps(bits)
        }
    }
}

impl Lanes for Avx2 {
    const LANES: usize = 8;
    const MAX_BLOCKS: usize = 4;
    const ACCUMULATORS: usize = 12;
    const VECTORS: usize = 2;

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m256 {
        // SAFETY: above.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const [u8; 4]) -> __m256 {
        // SAFETY: above; x86 is little-endian, and the load needs no alignment.
        unsafe { _mm256_loadu_ps(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_f16(self, from: *const [u8; 2]) -> __m256 {
        // SAFETY: above; x86 is little-endian, and the load needs no alignment.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(from.cast())) }
    }

    #[inline(always)]
    unsafe fn load_bf16(self, from: *const [u8; 2]) -> __m256 {
        // SAFETY: as above.
        unsafe {
            let bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(from.cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(bits))
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: __m256) {
        // SAFETY: above.
        unsafe { _mm256_storeu_ps(to, vector) }
    }

    #[inline(always)]
    unsafe fn load_first(self, from: *const f32, count: usize) -> __m256 {
        // SAFETY: above; lanes outside of the mask are not read.
        unsafe { _mm256_maskload_ps(from, self.first_lanes(count)) }
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, vector: __m256, count: usize) {
        // SAFETY: above; lanes outside of the mask are not written.
        unsafe { _mm256_maskstore_ps(to, self.first_lanes(count), vector) }
    }

    #[inline(always)]
    fn relu(self, v: __m256) -> __m256 {
        // SAFETY: above. Where either operand is NaN, the instruction returns the second.
        unsafe { _mm256_max_ps(_mm256_setzero_ps(), v) }
    }

    #[inline(always)]
    fn max(self, most: __m256, v: __m256) -> __m256 {
        // SAFETY: above. The maximum is its second operand where either is NaN, or both are zeros.
        unsafe {
            let is_nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(v, v);
            _mm256_blendv_ps(_mm256_max_ps(v, most), v, is_nan)
        }
    }

    #[inline(always)]
    unsafe fn list_nonzero(self, v: __m256, first: u16, list: *mut u16) -> usize {
        // SAFETY: above.
        unsafe {
            let nonzero = _mm256_cmp_ps::<_CMP_NEQ_UQ>(v, _mm256_setzero_ps());
            let mut bits = _mm256_movemask_ps(nonzero) as u32;
            let mut count = 0;
            while bits != 0 {
                *list.wrapping_add(count) = first + bits.trailing_zeros() as u16;
                count += 1;
                bits &= bits - 1;
            }
            count
        }
    }

    #[inline(always)]
    fn deinterleave(self, a: __m256, b: __m256) -> [__m256; 2] {
        // SAFETY: above.
        unsafe {
            // [a0 a1 a2 a3 b0 b1 b2 b3] and [a4 .. a7 b4 .. b7]
            let low = _mm256_permute2f128_ps::<0x20>(a, b);
            let high = _mm256_permute2f128_ps::<0x31>(a, b);
            [
                _mm256_shuffle_ps::<0b10_00_10_00>(low, high),
                _mm256_shuffle_ps::<0b11_01_11_01>(low, high),
            ]
        }
    }

    #[inline(always)]
    fn sum(self, v: __m256) -> f32 {
        // SAFETY: above.
        unsafe {
            let halves = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let pairs = _mm_add_ps(halves, _mm_movehl_ps(halves, halves));
            let both = _mm_add_ss(pairs, _mm_shuffle_ps::<1>(pairs, pairs));
            _mm_cvtss_f32(both)
        }
    }
}
