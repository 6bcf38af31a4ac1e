//! SIMD vectors of `f32`, and dispatch on the processor's instructions at run time.
//!
//! The engines use [`pulp`](https://docs.rs/pulp); frozen models need only a few operations of it, without `std` and
//! without its dependencies.

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::*;

/// A SIMD instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// 16 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 8 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 4 lanes, vectorised by the compiler.
    Portable,
}

impl Level {
    /// The widest that this processor has or, without `std`, that the build targets.
    #[inline(always)]
    pub(crate) fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        if has_avx512() {
            return Level::Avx512;
        } else if has_avx2() {
            return Level::Avx2;
        }
        Level::Portable
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn has_avx512() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_x86_feature_detected!("avx512f") && has_avx2();
    #[cfg(not(feature = "std"))]
    return cfg!(target_feature = "avx512f") && has_avx2();
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn has_avx2() -> bool {
    #[cfg(feature = "std")]
    return std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("fma")
        && std::arch::is_x86_feature_detected!("bmi1")
        && std::arch::is_x86_feature_detected!("popcnt");
    #[cfg(not(feature = "std"))]
    return cfg!(all(
        target_feature = "avx2",
        target_feature = "fma",
        target_feature = "bmi1",
        target_feature = "popcnt"
    ));
}

/// A computation that is compiled for every [`Level`].
pub(crate) trait Kernel {
    type Output;
    /// Must be `#[inline(always)]`, and so must all that it calls in its loops: only then is it
    /// compiled with the level's instructions.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}

/// Runs `kernel` with the instructions of `level`, or with portable code where the processor lacks them.
#[inline(always)]
pub(crate) fn dispatch<K: Kernel>(level: Level, kernel: K) -> K::Output {
    match level {
        // SAFETY: the guard has checked that the processor has these instructions.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 if has_avx512() => unsafe { with_avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 if has_avx2() => unsafe { with_avx2(kernel) },
        _ => kernel.run(Portable),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma,bmi1,popcnt")]
fn with_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx512(()))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,popcnt")]
fn with_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run(Avx2(()))
}

/// The operations of a product, on vectors of [`LANES`](Lanes::LANES) values.
pub trait Lanes: Copy {
    type Vector: Copy;
    /// Divides 16.
    const LANES: usize;
    /// The maximum number of blocks of 16 columns whose accumulators fit in registers.
    const MAX_BLOCKS: usize;
    /// The number of accumulators of a convolution that fit in registers, with a few vectors of weights.
    const ACCUMULATORS: usize;

    fn splat(self, value: f32) -> Self::Vector;
    /// The vector at `from`, which needs no alignment.
    ///
    /// # Safety
    /// `from` is valid for reads of `LANES` values.
    unsafe fn load(self, from: *const f32) -> Self::Vector;
    /// The vector whose values' little-endian bytes are at `from`.
    ///
    /// # Safety
    /// `from` is valid for reads of `4 LANES` bytes.
    unsafe fn load_bytes(self, from: *const [u8; 4]) -> Self::Vector;
    /// # Safety
    /// `to` is valid for writes of `LANES` values.
    unsafe fn store(self, to: *mut f32, vector: Self::Vector);
    /// The first `count` values at `from`, and zeros.
    ///
    /// # Safety
    /// `count` is at most `LANES`, and `from` is valid for reads of that many values.
    unsafe fn load_first(self, from: *const f32, count: usize) -> Self::Vector;
    /// Stores the first `count` lanes.
    ///
    /// # Safety
    /// `count` is at most `LANES`, and `to` is valid for writes of that many values.
    unsafe fn store_first(self, to: *mut f32, vector: Self::Vector, count: usize);
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a b + c`, fused where the processor has fused multiply-add.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `max(v, 0)`; a NaN remains a NaN.
    fn relu(self, v: Self::Vector) -> Self::Vector;
    /// `v` where it is larger than `most` or a NaN, else `most`.
    fn max(self, most: Self::Vector, v: Self::Vector) -> Self::Vector;
    /// Writes `first + i` to `list` for every non-zero lane `i`, and returns their number.
    ///
    /// # Safety
    /// `list` is valid for writes of `LANES` values.
    unsafe fn list_nonzero(self, v: Self::Vector, first: u16, list: *mut u16) -> usize;
    /// The even and the odd ones of the values of two vectors, one after the other.
    fn deinterleave(self, a: Self::Vector, b: Self::Vector) -> [Self::Vector; 2];
    /// The sum of the lanes.
    fn sum(self, v: Self::Vector) -> f32;
}

/// Proof that AVX-512 is available: constructed only by [`with_avx512`].
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

// SAFETY, for every block: an `Avx512` is constructed only where its instructions are available. The caller guarantees
// what a pointer must be valid for.
#[cfg(target_arch = "x86_64")]
impl Lanes for Avx512 {
    type Vector = __m512;
    const LANES: usize = 16;
    const MAX_BLOCKS: usize = 8;
    const ACCUMULATORS: usize = 24;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: above.
        unsafe { _mm512_set1_ps(value) }
    }

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
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: above.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: above.
        unsafe { _mm512_fmadd_ps(a, b, c) }
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
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn first_lanes(count: usize) -> __mmask16 {
    ((1_u32 << count) - 1) as __mmask16
}

/// Proof that AVX2 and FMA are available: constructed only by [`with_avx2`].
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

#[cfg(target_arch = "x86_64")]
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
#[cfg(target_arch = "x86_64")]
impl Lanes for Avx2 {
    type Vector = __m256;
    const LANES: usize = 8;
    const MAX_BLOCKS: usize = 4;
    const ACCUMULATORS: usize = 12;

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        // SAFETY: above.
        unsafe { _mm256_set1_ps(value) }
    }

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
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: above.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: above.
        unsafe { _mm256_fmadd_ps(a, b, c) }
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

/// Four lanes of plain Rust, which the compiler may vectorise.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Lanes for Portable {
    type Vector = [f32; 4];
    const LANES: usize = 4;
    const MAX_BLOCKS: usize = 2;
    const ACCUMULATORS: usize = 8;

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; 4] {
        [value; 4]
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> [f32; 4] {
        // SAFETY: guaranteed by the caller; the read needs no alignment.
        unsafe { from.cast::<[f32; 4]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const [u8; 4]) -> [f32; 4] {
        // SAFETY: guaranteed by the caller; bytes need no alignment.
        let [a, b, c, d] = unsafe { from.cast::<[[u8; 4]; 4]>().read() };
        [a, b, c, d].map(f32::from_le_bytes)
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: [f32; 4]) {
        // SAFETY: guaranteed by the caller; the write needs no alignment.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(vector) }
    }

    #[inline(always)]
    unsafe fn load_first(self, from: *const f32, count: usize) -> [f32; 4] {
        // SAFETY: guaranteed by the caller: only the first `count` values are read.
        core::array::from_fn(|lane| match lane < count {
            true => unsafe { *from.wrapping_add(lane) },
            false => 0.0,
        })
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, vector: [f32; 4], count: usize) {
        for (lane, value) in vector.into_iter().enumerate() {
            if lane < count {
                // SAFETY: guaranteed by the caller: only the first `count` values are written.
                unsafe { *to.wrapping_add(lane) = value };
            }
        }
    }

    #[inline(always)]
    fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]]
    }

    #[inline(always)]
    fn mul_add(self, a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
        [
            a[0] * b[0] + c[0],
            a[1] * b[1] + c[1],
            a[2] * b[2] + c[2],
            a[3] * b[3] + c[3],
        ]
    }

    #[inline(always)]
    fn relu(self, v: [f32; 4]) -> [f32; 4] {
        v.map(|v| if v < 0.0 { 0.0 } else { v })
    }

    #[inline(always)]
    fn max(self, most: [f32; 4], v: [f32; 4]) -> [f32; 4] {
        let larger = |most: f32, v: f32| if v > most || v.is_nan() { v } else { most };
        core::array::from_fn(|lane| larger(most[lane], v[lane]))
    }

    #[inline(always)]
    unsafe fn list_nonzero(self, v: [f32; 4], first: u16, list: *mut u16) -> usize {
        let mut count = 0;
        for (place, value) in (first..).zip(v) {
            // SAFETY: guaranteed by the caller: `count` is below 4.
            unsafe { *list.wrapping_add(count) = place };
            count += usize::from(value != 0.0);
        }
        count
    }

    #[inline(always)]
    fn deinterleave(self, a: [f32; 4], b: [f32; 4]) -> [[f32; 4]; 2] {
        [[a[0], a[2], b[0], b[2]], [a[1], a[3], b[1], b[3]]]
    }

    #[inline(always)]
    fn sum(self, v: [f32; 4]) -> f32 {
        (v[0] + v[2]) + (v[1] + v[3])
    }
}
