//! The sum of the gradients of several groups of samples.

use super::{Kernel, Lanes};
use crate::engine::fused::memory::matrix::{View, ViewMut};

/// Adds matrices to the first one.
pub(crate) struct AddMatrices<'a> {
    pub(crate) sum: ViewMut<'a>,
    pub(crate) terms: &'a [View<'a>],
}

impl Kernel for AddMatrices<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, _: S) {
        for block in 0..self.sum.blocks {
            for row in 0..self.sum.rows {
                let sum = self.sum.row(block, row);
                for term in self.terms {
                    let term = term.row(block, row);
                    for (sum, term) in sum.iter_mut().zip(term) {
                        *sum += term;
                    }
                }
            }
        }
    }
}
