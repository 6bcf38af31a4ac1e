//! Whether weights are finite, which skipping zeros in a product requires: `0 * NaN` and `0 * inf` are NaN.

use super::{Kernel, Lanes};
use crate::engine::fused::memory::matrix::{BLOCK, View};

/// Whether every value is finite.
pub(crate) struct AllFinite<'a> {
    pub(crate) values: View<'a>,
}

/// The bits of infinity: larger than those of every finite value without its sign.
const INFINITY: u32 = f32::INFINITY.to_bits();

impl Kernel for AllFinite<'_> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) -> bool {
        // integers, so the compiler may use vector maximum instructions
        let mut largest = [0; BLOCK];
        for block in 0..self.values.blocks {
            for row in 0..self.values.rows {
                for (largest, value) in largest.iter_mut().zip(self.values.row(block, row)) {
                    *largest = value.abs().to_bits().max(*largest);
                }
            }
        }
        largest.iter().all(|&largest| largest < INFINITY)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Simd, dispatch};
    use super::*;
    use crate::engine::fused::memory::matrix::Matrix;

    #[test]
    fn a_non_finite_value_is_found_by_every_simd_at_every_position() {
        let mut matrix = Matrix::zeros(5, 21);
        let put = |matrix: &mut Matrix, (row, column): (usize, usize), value| {
            matrix.whole().row(column / BLOCK, row)[column % BLOCK] = value;
        };
        let all_finite = |matrix: &Matrix, simd| {
            // SAFETY: no other thread has access to the matrix.
            let values = unsafe { matrix.view() };
            dispatch(simd, AllFinite { values })
        };
        for simd in [Simd::Avx512, Simd::Avx2, Simd::Neon, Simd::Scalar] {
            for place in (0..5).flat_map(|row| (0..21).map(move |column| (row, column))) {
                for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    put(&mut matrix, place, bad);
                    assert!(!all_finite(&matrix, simd), "{simd:?}: {bad} at {place:?}");
                }
                put(&mut matrix, place, f32::MIN);
                assert!(all_finite(&matrix, simd), "{simd:?}");
            }
        }
    }
}
