//! Softmax cross-entropies, also with smoothed labels and weighted classes.

use super::{
    Lanes, load,
    loss::{COLUMNS, LossGradient},
    math::exp,
    store,
};
use crate::engine::fused::memory::matrix::BLOCK;

/// A row's `ln sum exp(z - m)` and `m = max z`; `ln sum exp(z)` is their sum.
struct LogSum {
    log_sum: f32,
    max: f32,
}

impl LogSum {
    /// `-ln softmax(z)` of the class with logit `z`.
    #[inline(always)]
    fn loss(&self, z: f32) -> f32 {
        self.log_sum - (z - self.max)
    }
}

impl LossGradient<'_> {
    /// The label of a row.
    #[inline(always)]
    fn label(&self, labels: &[u8], row: usize) -> usize {
        usize::from(labels[self.samples[row] as usize])
    }

    /// `ln sum exp(z) - z[label]`; gradient `(softmax(z) - onehot) / W`.
    #[inline(always)]
    pub(super) fn cross_entropies<S: Lanes>(&mut self, simd: S, labels: &[u8]) {
        for row in 0..self.samples.len() {
            let label = self.label(labels, row);
            self.losses[row] = self.cross_entropy(simd, row, label);
        }
    }

    /// [`cross_entropies`](Self::cross_entropies) with smoothed labels.
    #[inline(always)]
    pub(super) fn smoothed_cross_entropies<S: Lanes>(
        &mut self,
        simd: S,
        labels: &[u8],
        smoothing: f32,
    ) {
        let share = 1.0 / self.divisor as f32;
        for row in 0..self.samples.len() {
            let label = self.label(labels, row);
            let softmax = self.softmax(simd, row, share);
            let (block, lane) = (label / BLOCK, label % BLOCK);
            let plain = softmax.loss(self.logits.row(block, row)[lane]);
            self.losses[row] = plain + self.smooth(simd, row, label, smoothing);
            // last, as a vector that is read just after one of its lanes was written has to wait
            self.delta.row(block, row)[lane] -= (1.0 - smoothing) * share;
        }
    }

    /// `-sum_c w_c t_c ln softmax(z)[c]` with the smoothed label `t`; gradient `(softmax(z) sum_c w_c t_c - w t) / W`.
    #[inline(always)]
    pub(super) fn weighted_cross_entropies<S: Lanes>(
        &mut self,
        simd: S,
        labels: &[u8],
        weights: &[f32],
        smoothing: f32,
    ) {
        assert_eq!(weights.len(), self.classes);
        let divisor = self.divisor as f32;
        let share = smoothing / self.classes as f32;
        let shares = share * weights.iter().sum::<f32>();
        for row in 0..self.samples.len() {
            let label = self.label(labels, row);
            let of_label = (1.0 - smoothing) * weights[label];
            let softmax = self.softmax(simd, row, (of_label + shares) / divisor);
            let (block, lane) = (label / BLOCK, label % BLOCK);
            self.delta.row(block, row)[lane] -= of_label / divisor;
            let mut loss = of_label * softmax.loss(self.logits.row(block, row)[lane]);
            // without smoothing, the loss of another class counts nothing, even if it is infinite
            if smoothing > 0.0 {
                for (block, weights) in weights.chunks(BLOCK).enumerate() {
                    let logits = self.logits.row(block, row);
                    let delta = self.delta.row(block, row);
                    for ((delta, logit), weight) in delta.iter_mut().zip(logits).zip(weights) {
                        *delta -= share * weight / divisor;
                        loss += share * weight * softmax.loss(*logit);
                    }
                }
            }
            self.losses[row] = loss;
        }
    }

    #[inline(always)]
    fn cross_entropy<S: Lanes>(&mut self, simd: S, row: usize, label: usize) -> f32 {
        let share = 1.0 / self.divisor as f32;
        let softmax = self.softmax(simd, row, share);
        let (block, lane) = (label / BLOCK, label % BLOCK);
        self.delta.row(block, row)[lane] -= share;
        softmax.loss(self.logits.row(block, row)[lane])
    }

    /// Writes `share softmax(z)` to `delta`.
    ///
    /// A term below `exp(-80)` counts as 0, which avoids denormal products.
    #[inline(always)]
    fn softmax<S: Lanes>(&mut self, simd: S, row: usize, share: f32) -> LogSum {
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
        let scale = simd.splat_f32s(share / sum);
        for block in 0..logits.blocks {
            for lane in (0..BLOCK).step_by(S::F32_LANES) {
                let place = self.delta.at(block, row).wrapping_add(lane);
                // SAFETY: as above.
                unsafe { store::<S>(place, simd.mul_f32s(scale, load::<S>(place))) };
            }
        }
        let log_sum = sum.ln();
        LogSum { log_sum, max }
    }

    /// The term that smoothing adds to the plain loss: `e sum_c (z[label] - z_c) / C`. Subtracts `e / (C W)` from
    /// `delta`.
    #[inline(always)]
    fn smooth<S: Lanes>(&mut self, simd: S, row: usize, label: usize, smoothing: f32) -> f32 {
        let (block, lane) = (label / BLOCK, label % BLOCK);
        let of_label = simd.splat_f32s(self.logits.row(block, row)[lane]);
        let share = smoothing / (self.divisor * self.classes as f64) as f32;
        let (share, zero) = (simd.splat_f32s(share), simd.splat_f32s(0.0));
        let mut sum = zero;
        for block in 0..self.logits.blocks {
            let left = simd.splat_f32s((self.classes - block * BLOCK) as f32);
            for lane in (0..BLOCK).step_by(S::F32_LANES) {
                // SAFETY: `lane` and the lanes after it are within a block; `run` has checked that logits and `delta`
                // have the block and the row.
                unsafe {
                    let is_class = simd.less_than_f32s(load::<S>(COLUMNS.as_ptr().add(lane)), left);
                    let difference =
                        simd.sub_f32s(of_label, load::<S>(self.logits.at(block, row).add(lane)));
                    sum = simd.add_f32s(sum, simd.select_f32s(is_class, difference, zero));
                    let delta = self.delta.at(block, row).add(lane);
                    let share = simd.select_f32s(is_class, share, zero);
                    store::<S>(delta, simd.sub_f32s(load::<S>(delta), share));
                }
            }
        }
        smoothing * simd.reduce_sum_f32s(sum) / self.classes as f32
    }
}
