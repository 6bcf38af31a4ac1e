//! The loss of each sample and its gradient with respect to the logits, in one pass.

use super::{Kernel, Lanes, derivative::Derivative, load, math::exp, store};
use crate::{
    data::Targets,
    engine::fused::memory::matrix::{BLOCK, View, ViewMut},
    objective::Loss,
};

/// Computes losses and `delta` from the `C` logits of some samples of a batch of `B`.
///
/// `delta` is the gradient of the batch's mean loss with respect to the outputs of the last `Linear`: the gradient
/// with respect to the logits times the derivatives of the operations in between.
pub(crate) struct LossGradient<'a> {
    pub(crate) loss: Loss,
    /// `[rows, C]`.
    pub(crate) logits: View<'a>,
    /// `C`.
    pub(crate) classes: usize,
    pub(crate) targets: &'a Targets,
    /// The samples' indices in `targets`, one per row.
    pub(crate) samples: &'a [u32],
    /// `B`.
    pub(crate) batch_size: usize,
    pub(crate) derivatives: Derivative<View<'a>>,
    /// `[rows, C]`.
    pub(crate) delta: ViewMut<'a>,
    /// Each sample's loss, one per row.
    pub(crate) losses: &'a mut [f32],
}

impl Kernel for LossGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, simd: S) {
        let rows = self.samples.len();
        assert!(self.logits.rows >= rows && self.delta.rows >= rows);
        assert!(self.logits.blocks == self.delta.blocks && self.losses.len() == rows);
        assert_eq!(self.logits.blocks, self.classes.div_ceil(BLOCK));
        for row in 0..rows {
            self.losses[row] = match (self.loss, self.targets) {
                (Loss::CrossEntropy, Targets::Labels(labels)) => {
                    let label = usize::from(labels[self.samples[row] as usize]);
                    self.cross_entropy(simd, row, label)
                }
                (Loss::SmoothedCrossEntropy { smoothing }, Targets::Labels(labels)) => {
                    let label = usize::from(labels[self.samples[row] as usize]);
                    self.cross_entropy(simd, row, label) + self.smooth(row, label, smoothing as f32)
                }
                _ => self.squared_error(row),
            };
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

/// The indices of a block's columns.
const COLUMNS: [f32; BLOCK] = [
    0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0,
];

impl LossGradient<'_> {
    /// `ln sum exp(z) - z[label]`; gradient `(softmax(z) - onehot) / B`.
    ///
    /// A term below `exp(-80)` counts as 0, which avoids denormal products.
    #[inline(always)]
    fn cross_entropy<S: Lanes>(&mut self, simd: S, row: usize, label: usize) -> f32 {
        let logits = self.logits;
        let none = simd.splat_f32s(f32::NEG_INFINITY);
        let vector = |block: usize, lane: usize| {
            let left = simd.splat_f32s((self.classes - block * BLOCK) as f32);
            // SAFETY: `lane` and the lanes after it are within a block; `run` has checked that the logits have the
            // block and the row.
            let (column, z) = unsafe {
                let z = load::<S>(logits.at(block, row).add(lane));
                (load::<S>(COLUMNS.as_ptr().add(lane)), z)
            };
            simd.select_f32s(simd.less_than_f32s(column, left), z, none)
        };
        let mut max = none;
        for block in 0..logits.blocks {
            for lane in (0..BLOCK).step_by(S::F32_LANES) {
                max = simd.max_f32s(max, vector(block, lane));
            }
        }
        let max = simd.reduce_max_f32s(max);
        let mut sum = simd.splat_f32s(0.0);
        for block in 0..logits.blocks {
            for lane in (0..BLOCK).step_by(S::F32_LANES) {
                let z = simd.sub_f32s(vector(block, lane), simd.splat_f32s(max));
                let small = simd.less_than_f32s(z, simd.splat_f32s(-80.0));
                let e = simd.select_f32s(small, simd.splat_f32s(0.0), exp(simd, z));
                sum = simd.add_f32s(sum, e);
                // SAFETY: `run` has checked that `delta` has the block and the row.
                unsafe { store::<S>(self.delta.at(block, row).add(lane), e) };
            }
        }
        let sum = simd.reduce_sum_f32s(sum);
        let share = 1.0 / self.batch_size as f32;
        let scale = simd.splat_f32s(share / sum);
        for block in 0..logits.blocks {
            for lane in (0..BLOCK).step_by(S::F32_LANES) {
                let place = self.delta.at(block, row).wrapping_add(lane);
                // SAFETY: as above.
                unsafe { store::<S>(place, simd.mul_f32s(scale, load::<S>(place))) };
            }
        }
        self.delta.row(label / BLOCK, row)[label % BLOCK] -= share;
        sum.ln() - (logits.row(label / BLOCK, row)[label % BLOCK] - max)
    }

    /// The term that smoothing adds to the plain loss: `e sum_c (z[label] - z_c) / C`; to its gradient
    /// `e (onehot - 1/C) / B`.
    #[inline(always)]
    fn smooth(&mut self, row: usize, label: usize, smoothing: f32) -> f32 {
        let (block, lane) = (label / BLOCK, label % BLOCK);
        let of_label = self.logits.row(block, row)[lane];
        let share = smoothing / (self.batch_size * self.classes) as f32;
        let mut sum = 0.0;
        for block in 0..self.logits.blocks {
            let logits = self.logits.row(block, row);
            let delta = self.delta.row(block, row);
            let there = self.classes - block * BLOCK;
            for (delta, logit) in delta.iter_mut().zip(logits).take(there) {
                *delta -= share;
                sum += of_label - logit;
            }
        }
        self.delta.row(block, row)[lane] += smoothing / self.batch_size as f32;
        smoothing * sum / self.classes as f32
    }

    /// `1/C sum_c (y_c - t_c)^2`; gradient `2 (y - t) / (B C)`.
    #[inline(always)]
    fn squared_error(&mut self, row: usize) -> f32 {
        let sample = self.samples[row] as usize;
        let scale = 2.0 / (self.batch_size * self.classes) as f32;
        let mut sum = 0.0;
        for block in 0..self.logits.blocks {
            let logits = self.logits.row(block, row);
            let delta = self.delta.row(block, row);
            for (lane, (delta, logit)) in delta.iter_mut().zip(logits).enumerate() {
                let class = block * BLOCK + lane;
                if class >= self.classes {
                    *delta = 0.0;
                    continue;
                }
                let target = match self.targets {
                    Targets::Labels(labels) => f32::from(usize::from(labels[sample]) == class),
                    Targets::Values(values) => values[sample * self.classes + class],
                };
                let error = logit - target;
                sum += error * error;
                *delta = scale * error;
            }
        }
        sum / self.classes as f32
    }
}
