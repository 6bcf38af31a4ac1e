//! [`Portable`]: plain Rust.

use crate::{
    single::{
        arithmetic::{Arithmetic, exponent},
        lanes::Lanes,
    },
    weights::place::{from_bf16, from_f16},
};

/// Four lanes of plain Rust, which the compiler may vectorise.
#[derive(Clone, Copy)]
pub(in crate::single) struct Portable;

impl Arithmetic for Portable {
    type Vector = [f32; 4];

    #[inline(always)]
    fn splat(self, value: f32) -> [f32; 4] {
        [value; 4]
    }

    #[inline(always)]
    fn add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]]
    }

    #[inline(always)]
    fn sub(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        [a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]]
    }

    #[inline(always)]
    fn mul(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        [a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]]
    }

    #[inline(always)]
    fn div(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        [a[0] / b[0], a[1] / b[1], a[2] / b[2], a[3] / b[3]]
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
    fn abs(self, v: [f32; 4]) -> [f32; 4] {
        v.map(|v| f32::from_bits(v.to_bits() & i32::MAX as u32))
    }

    #[inline(always)]
    fn if_less(self, [a, b]: [[f32; 4]; 2], then: [f32; 4], other: [f32; 4]) -> [f32; 4] {
        core::array::from_fn(|lane| {
            if a[lane] < b[lane] {
                then[lane]
            } else {
                other[lane]
            }
        })
    }

    #[inline(always)]
    fn power_of_two(self, n: [f32; 4], more: i32) -> [f32; 4] {
        n.map(|n| f32::from_bits((n.to_bits() << 23).wrapping_add(exponent(more) as u32)))
    }
}

impl Lanes for Portable {
    const LANES: usize = 4;
    const MAX_BLOCKS: usize = 2;
    const ACCUMULATORS: usize = 8;
    const VECTORS: usize = 2;

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
    unsafe fn load_f16(self, from: *const [u8; 2]) -> [f32; 4] {
        // SAFETY: guaranteed by the caller; bytes need no alignment.
        let values = unsafe { from.cast::<[[u8; 2]; 4]>().read() };
        values.map(|bytes| from_f16(u16::from_le_bytes(bytes)))
    }

    #[inline(always)]
    unsafe fn load_bf16(self, from: *const [u8; 2]) -> [f32; 4] {
        // SAFETY: as above.
        let values = unsafe { from.cast::<[[u8; 2]; 4]>().read() };
        values.map(|bytes| from_bf16(u16::from_le_bytes(bytes)))
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
