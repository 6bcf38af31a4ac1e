//! The loss of each sample and its gradient with respect to the logits, in one pass.

use super::{
    Kernel, Lanes,
    derivative::Derivative,
    load,
    pointwise::{AbsoluteError, BinaryCrossEntropy, HuberError, SquaredError},
    store,
};
use crate::{
    data::Targets,
    engine::fused::memory::matrix::{BLOCK, View, ViewMut},
    objective::Loss,
};

/// Computes losses and `delta` from the `C` logits of some samples of a batch.
///
/// `delta` is the gradient of the batch's mean loss with respect to the outputs of the last `Linear`: the gradient
/// with respect to the logits times the derivatives of the operations in between.
pub(crate) struct LossGradient<'a> {
    pub(crate) loss: &'a Loss,
    /// `[rows, C]`.
    pub(crate) logits: View<'a>,
    /// `C`.
    pub(crate) classes: usize,
    pub(crate) targets: &'a Targets,
    /// The samples' indices in `targets`, one per row.
    pub(crate) samples: &'a [u32],
    /// `W`, by which the sum of the batch's losses is divided: its number of samples, or the sum of their weights.
    pub(crate) divisor: f64,
    pub(crate) derivatives: Derivative<View<'a>>,
    /// `[rows, C]`.
    pub(crate) delta: ViewMut<'a>,
    /// Each sample's loss, one per row, times the sample's weight.
    pub(crate) losses: &'a mut [f32],
}

/// The indices of a block's columns.
pub(super) const COLUMNS: [f32; BLOCK] = [
    0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0,
];

impl Kernel for LossGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, simd: S) {
        let rows = self.samples.len();
        assert!(self.logits.rows >= rows && self.delta.rows >= rows);
        assert!(self.logits.blocks == self.delta.blocks && self.losses.len() == rows);
        assert_eq!(self.logits.blocks, self.classes.div_ceil(BLOCK));
        match (self.loss, self.targets) {
            (Loss::CrossEntropy, Targets::Labels(labels)) => self.cross_entropies(simd, labels),
            (Loss::SmoothedCrossEntropy { smoothing }, Targets::Labels(labels)) => {
                self.smoothed_cross_entropies(simd, labels, *smoothing as f32);
            }
            (Loss::WeightedCrossEntropy { weights, smoothing }, Targets::Labels(labels)) => {
                self.weighted_cross_entropies(simd, labels, weights, *smoothing as f32);
            }
            (Loss::MeanAbsoluteError, _) => self.pointwise(simd, AbsoluteError),
            (Loss::Huber { delta }, _) => {
                let delta = *delta as f32;
                self.pointwise(simd, HuberError { delta });
            }
            (Loss::BinaryCrossEntropy, _) => self.pointwise(simd, BinaryCrossEntropy),
            (Loss::Custom(loss), _) => self.custom(&**loss),
            // `Loss::check` refuses cross-entropy without labels
            _ => self.pointwise(simd, SquaredError),
        }
        if !matches!(self.derivatives, Derivative::One) {
            for block in 0..self.delta.blocks {
                for row in 0..rows {
                    for lane in (0..BLOCK).step_by(S::F32_LANES) {
                        let to = self.delta.at(block, row).wrapping_add(lane);
                        // SAFETY: `delta` has the block and the row, and so do the derivatives, which belong to the
                        // same layer.
                        unsafe {
                            let place = |view: &View<'_>| view.at(block, row).add(lane);
                            let gradient = self.derivatives.apply(simd, place, load::<S>(to));
                            store::<S>(to, gradient);
                        }
                    }
                }
            }
        }
    }
}
