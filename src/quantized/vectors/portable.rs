//! [`Portable`]: vectors of plain Rust.

use super::super::{lanes::Lanes, pack::QUAD};

/// Four lanes of plain Rust, which the compiler may vectorise.
#[derive(Clone, Copy)]
pub(in super::super) struct Portable;

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
