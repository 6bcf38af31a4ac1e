//! [`Simd128`]: the vectors of WebAssembly.

use core::arch::wasm32::*;

use crate::{
    single::{
        arithmetic::{Arithmetic, exponent},
        lanes::Lanes,
    },
    weights::place::TWO_TO_112,
};

/// Four lanes. WebAssembly has no fused multiply-add, so results are those of plain Rust, bit for bit.
#[derive(Clone, Copy)]
pub(in crate::single) struct Simd128;

impl Arithmetic for Simd128 {
    type Vector = v128;

    #[inline(always)]
    fn splat(self, value: f32) -> v128 {
        f32x4_splat(value)
    }

    #[inline(always)]
    fn add(self, a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }

    #[inline(always)]
    fn sub(self, a: v128, b: v128) -> v128 {
        f32x4_sub(a, b)
    }

    #[inline(always)]
    fn mul(self, a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }

    #[inline(always)]
    fn div(self, a: v128, b: v128) -> v128 {
        f32x4_div(a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: v128, b: v128, c: v128) -> v128 {
        f32x4_add(f32x4_mul(a, b), c)
    }

    #[inline(always)]
    fn abs(self, v: v128) -> v128 {
        f32x4_abs(v)
    }

    #[inline(always)]
    fn if_less(self, [a, b]: [v128; 2], then: v128, other: v128) -> v128 {
        v128_bitselect(then, other, f32x4_lt(a, b))
    }

    #[inline(always)]
    fn power_of_two(self, n: v128, more: i32) -> v128 {
        i32x4_add(i32x4_shl(n, 23), i32x4_splat(exponent(more)))
    }
}

impl Lanes for Simd128 {
    const LANES: usize = 4;
    const MAX_BLOCKS: usize = 2;
    const ACCUMULATORS: usize = 8;

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> v128 {
        // SAFETY: guaranteed by the caller; the load needs no alignment.
        unsafe { v128_load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_bytes(self, from: *const [u8; 4]) -> v128 {
        // SAFETY: guaranteed by the caller; WebAssembly is little-endian, and the load needs no alignment.
        unsafe { v128_load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_f16(self, from: *const [u8; 2]) -> v128 {
        // SAFETY: guaranteed by the caller; WebAssembly is little-endian, and the load needs no alignment.
        let bits = unsafe { u32x4_load_extend_u16x4(from.cast()) };
        let sign = i32x4_shl(v128_and(bits, i32x4_splat(0x8000)), 16);
        let size = i32x4_shl(v128_and(bits, i32x4_splat(0x7fff)), 13);
        // As in `from_f16`.
        let scaled = f32x4_mul(size, f32x4_splat(TWO_TO_112));
        let is_finite = i32x4_lt(size, i32x4_splat(0x7c00 << 13));
        let exponent = v128_andnot(i32x4_splat(0x7f80_0000), is_finite);
        v128_or(v128_or(sign, exponent), scaled)
    }

    #[inline(always)]
    unsafe fn load_bf16(self, from: *const [u8; 2]) -> v128 {
        // SAFETY: as above.
        i32x4_shl(unsafe { u32x4_load_extend_u16x4(from.cast()) }, 16)
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: v128) {
        // SAFETY: guaranteed by the caller; the store needs no alignment.
        unsafe { v128_store(to.cast(), vector) }
    }

    #[inline(always)]
    unsafe fn load_first(self, from: *const f32, count: usize) -> v128 {
        let mut values = [0.0; 4];
        for (lane, value) in values.iter_mut().enumerate() {
            if lane < count {
                // SAFETY: guaranteed by the caller: only the first `count` values are read.
                *value = unsafe { *from.wrapping_add(lane) };
            }
        }
        let [a, b, c, d] = values;
        f32x4(a, b, c, d)
    }

    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, vector: v128, count: usize) {
        let mut values = [0.0; 4];
        // SAFETY: the array has four values; of these, the caller guarantees that `to` has room for the first `count`.
        unsafe {
            v128_store(values.as_mut_ptr().cast(), vector);
            for (lane, value) in values.into_iter().enumerate() {
                if lane < count {
                    *to.wrapping_add(lane) = value;
                }
            }
        }
    }

    #[inline(always)]
    fn relu(self, v: v128) -> v128 {
        // `v < 0 ? 0 : v`, unlike `f32x4_max`
        f32x4_pmax(v, f32x4_splat(0.0))
    }

    #[inline(always)]
    fn max(self, most: v128, v: v128) -> v128 {
        v128_bitselect(v, most, v128_or(f32x4_gt(v, most), f32x4_ne(v, v)))
    }

    #[inline(always)]
    unsafe fn list_nonzero(self, v: v128, first: u16, list: *mut u16) -> usize {
        let mut bits = u32::from(i32x4_bitmask(f32x4_ne(v, f32x4_splat(0.0))));
        let mut count = 0;
        while bits != 0 {
            // SAFETY: guaranteed by the caller: `count` is below 4.
            unsafe { *list.wrapping_add(count) = first + bits.trailing_zeros() as u16 };
            count += 1;
            bits &= bits - 1;
        }
        count
    }

    #[inline(always)]
    fn deinterleave(self, a: v128, b: v128) -> [v128; 2] {
        [
            i32x4_shuffle::<0, 2, 4, 6>(a, b),
            i32x4_shuffle::<1, 3, 5, 7>(a, b),
        ]
    }

    #[inline(always)]
    fn sum(self, v: v128) -> f32 {
        let pairs = f32x4_add(v, i32x4_shuffle::<2, 3, 0, 1>(v, v));
        f32x4_extract_lane::<0>(pairs) + f32x4_extract_lane::<1>(pairs)
    }
}
