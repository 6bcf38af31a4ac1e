//! The loss of each sample and its gradient with respect to the logits, in one pass.

use super::{
    Kernel, Lanes,
    derivative::Derivative,
    load,
    pointwise::{AbsoluteError, BinaryCrossEntropy, HuberError, Pointwise, SquaredError},
    store,
};
use crate::{
    data::Targets,
    engine::fused::memory::matrix::{BLOCK, View, ViewMut},
    objective::{CustomLoss, Loss},
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
    /// The weight of each sample of the data set, if they are not all 1.
    pub(crate) weights: Option<&'a [f32]>,
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
        if let Some(weights) = self.weights {
            for (row, &sample) in self.samples.iter().enumerate() {
                let weight = weights[sample as usize];
                self.losses[row] *= weight;
                for block in 0..self.delta.blocks {
                    let delta = self.delta.row(block, row);
                    delta.iter_mut().for_each(|slope| *slope *= weight);
                }
            }
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

impl LossGradient<'_> {
    /// The mean of `loss` over the outputs, and its gradient, of every row.
    #[inline(always)]
    fn pointwise<S: Lanes, P: Pointwise>(&mut self, simd: S, loss: P) {
        let classes = self.classes as f32;
        let scale = simd.splat_f32s(1.0 / (self.divisor as f32 * classes));
        let zero = simd.splat_f32s(0.0);
        for row in 0..self.samples.len() {
            let sample = self.samples[row] as usize;
            let mut sum = zero;
            for block in 0..self.logits.blocks {
                let first = block * BLOCK;
                let there = BLOCK.min(self.classes - first);
                let mut targets = [0.0; BLOCK];
                self.targets
                    .gather_columns(self.classes, sample, first, &mut targets[..there]);
                let there = simd.splat_f32s(there as f32);
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: `lane` and the lanes after it are within a block; `run` has checked that logits and
                    // `delta` have the block and the row.
                    unsafe {
                        let column = load::<S>(COLUMNS.as_ptr().add(lane));
                        let y = load::<S>(self.logits.at(block, row).add(lane));
                        let t = load::<S>(targets.as_ptr().add(lane));
                        let (value, slope) = loss.of(simd, y, t);
                        let slope = simd.mul_f32s(scale, slope);
                        let is_there = simd.less_than_f32s(column, there);
                        sum = simd.add_f32s(sum, simd.select_f32s(is_there, value, zero));
                        let to = self.delta.at(block, row).add(lane);
                        store::<S>(to, simd.select_f32s(is_there, slope, zero));
                    }
                }
            }
            self.losses[row] = simd.reduce_sum_f32s(sum) / classes;
        }
    }

    /// A loss of one's own and its gradient, of every row.
    fn custom(&mut self, loss: &dyn CustomLoss) {
        let classes = self.classes;
        let mut row_targets = vec![0.0; classes];
        let [mut outputs, mut targets, mut gradient] = [(); 3].map(|()| vec![0.0; classes]);
        for row in 0..self.samples.len() {
            let sample = self.samples[row] as usize;
            self.targets
                .gather_columns(classes, sample, 0, &mut row_targets);
            for (block, outputs) in outputs.chunks_mut(BLOCK).enumerate() {
                for (to, from) in outputs.iter_mut().zip(self.logits.row(block, row)) {
                    *to = f64::from(*from);
                }
            }
            for (to, from) in targets.iter_mut().zip(&row_targets) {
                *to = f64::from(*from);
            }
            gradient.fill(0.0);
            self.losses[row] = loss.value(&outputs, &targets) as f32;
            loss.gradient(&outputs, &targets, &mut gradient);
            for (block, slopes) in gradient.chunks(BLOCK).enumerate() {
                let delta = self.delta.row(block, row);
                delta.fill(0.0);
                for (to, slope) in delta.iter_mut().zip(slopes) {
                    *to = (slope / self.divisor) as f32;
                }
            }
        }
    }
}
