//! Clipping by norm: the sum of squares of gradients, and the update from stored gradients.

use std::ops::Range;

use super::{
    Kernel, Lanes, Rule,
    bits::WORD,
    load,
    optimizer::Update,
    update::{Parameters, WithUpdate},
};
use crate::engine::fused::memory::matrix::{BLOCK, View};

/// The sum of the squares of some values.
///
/// Each of a block's 16 columns has its own sum, in `f64`, and the sums are added in order, so the result is bitwise
/// identical for every SIMD level. The padding of a block is 0.
pub(crate) struct SquareSum<'a> {
    pub(crate) values: View<'a>,
}

impl Kernel for SquareSum<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) -> f64 {
        let mut sums = [0.0; BLOCK];
        for block in 0..self.values.blocks {
            for row in 0..self.values.rows {
                for (sum, &value) in sums.iter_mut().zip(self.values.row(block, row)) {
                    let value = f64::from(value);
                    *sum += value * value;
                }
            }
        }
        sums.iter().sum()
    }
}

/// Updates parameters by stored gradients times a factor.
pub(crate) struct Apply<'a> {
    /// Rows `inputs` of some blocks.
    pub(crate) gradients: View<'a>,
    pub(crate) factor: f32,
    /// The inputs whose weights are updated; input `I` is the bias.
    pub(crate) inputs: Range<usize>,
    /// `I`.
    pub(crate) bias: usize,
    /// As [`SparseWeightGradient::active`](super::SparseWeightGradient::active), if this is the first layer.
    pub(crate) active: Option<&'a [u64]>,
    pub(crate) rule: Rule,
    /// Rows `inputs` of the same blocks of the parameters.
    pub(crate) parameters: Parameters<'a>,
}

impl Apply<'_> {
    /// Whether the optimiser leaves the weights of this input unchanged.
    #[inline(always)]
    fn skips_inactive(&self, input: usize) -> bool {
        let is_active = |active: &[u64]| active[input / WORD] >> (input % WORD) & 1 == 1;
        input < self.bias && self.active.is_some_and(|active| !is_active(active))
    }
}

impl Kernel for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        assert_eq!(self.gradients.rows, self.inputs.len());
        let (blocks, rows) = (self.gradients.blocks, self.gradients.rows);
        self.parameters.check(&self.rule, blocks, rows);
        let rule = self.rule;
        rule.with(simd, self);
    }
}

impl<S: Lanes> WithUpdate<S> for Apply<'_> {
    #[inline(always)]
    fn with<U: Update<S>>(self, simd: S, update: U) {
        let factor = simd.splat_f32s(self.factor);
        for block in 0..self.gradients.blocks {
            for (row, input) in self.inputs.clone().enumerate() {
                if self.skips_inactive(input) {
                    continue;
                }
                let from = self.gradients.at(block, row);
                let place = self.parameters.place(block, row);
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: the gradients have the block and the row, and so have the parameters, by
                    // the assertions in `run`.
                    unsafe {
                        let gradient = load::<S>(from.add(lane));
                        update.apply(simd, place.add(lane), simd.mul_f32s(factor, gradient));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Simd, dispatch};
    use super::*;
    use crate::engine::fused::memory::matrix::Matrix;

    #[test]
    fn sums_of_squares_are_bitwise_identical_for_every_simd() {
        let mut matrix = Matrix::zeros(37, 21);
        let mut whole = matrix.whole();
        let mut expected = 0.0;
        for row in 0..37 {
            for column in 0..21 {
                let value = ((row * 21 + column) as f32).sin();
                whole.row(column / BLOCK, row)[column % BLOCK] = value;
                expected += f64::from(value).powi(2);
            }
        }
        let sum = |simd| {
            // SAFETY: no other thread has access to the matrix.
            let values = unsafe { matrix.view() };
            dispatch(simd, SquareSum { values })
        };
        // 777 terms of at most 1, with a relative rounding error of 1e-16 in a sum below 777
        assert!((sum(Simd::Scalar) - expected).abs() < 1e-10);
        for simd in [Simd::Avx512, Simd::Avx2, Simd::Neon] {
            assert_eq!(sum(simd), sum(Simd::Scalar));
        }
    }
}
