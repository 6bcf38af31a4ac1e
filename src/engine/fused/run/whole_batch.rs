//! Batch normalisation by the statistics of a batch that several ranks compute together, as PyTorch's `SyncBatchNorm`: each rank
//! measures its own samples, and all ranks add up what they have measured, in the order of ranks, so that they have the same bits.

use std::ops::Range;

use super::norm::Moments;
use crate::engine::{
    fused::{
        kernels::PerLane,
        memory::{matrix::BLOCK, shared::Shared},
    },
    ranks::Exchange,
};

/// The sums of a batch normalisation over the samples of this rank, which an exchange replaces by those over all ranks.
#[derive(Debug)]
pub(crate) struct WholeBatch {
    /// For each channel.
    pub(crate) moments: Shared<Moments>,
    /// For each channel, the sums of the gradient of the outputs and of its product with the distance from the mean.
    pub(crate) gradients: Shared<[f64; 2]>,
}

impl WholeBatch {
    pub(crate) fn new(channels: usize) -> Self {
        WholeBatch {
            moments: Shared::zeros(channels),
            gradients: Shared::zeros(channels),
        }
    }

    /// Replaces the moments of this rank's samples by those of the whole batch.
    ///
    /// # Safety
    /// No other thread reads or writes them until this returns.
    pub(crate) unsafe fn exchange_moments(&self, exchange: &dyn Exchange) {
        // SAFETY: guaranteed by the caller.
        let moments = unsafe { self.moments.slice_mut(0..self.moments.len()) };
        let own = moments.iter().map(|own| [own.count, own.mean, own.squares]);
        let all = exchange.all_gather(own.collect::<Vec<_>>().as_flattened());
        let (all, _) = all.as_chunks::<3>();
        for (channel, whole) in moments.iter_mut().enumerate() {
            let of_ranks = all[channel..].iter().step_by(self.moments.len());
            let of_ranks = of_ranks.map(|&[count, mean, squares]| Moments {
                count,
                mean,
                squares,
            });
            // a rank that has no sample has no mean
            let measured = of_ranks.filter(|moments| moments.count > 0.0);
            *whole = measured.reduce(Moments::with).unwrap_or_default();
        }
    }

    /// Replaces the sums over this rank's samples by those over the whole batch.
    ///
    /// # Safety
    /// No other thread reads or writes them until this returns.
    pub(crate) unsafe fn exchange_gradients(&self, exchange: &dyn Exchange) {
        // SAFETY: guaranteed by the caller.
        let sums = unsafe { self.gradients.slice_mut(0..self.gradients.len()) };
        let all = exchange.all_gather(sums.as_flattened());
        let (all, _) = all.as_chunks::<2>();
        sums.fill([0.0; 2]);
        for of_rank in all.chunks_exact(sums.len()) {
            for (whole, own) in sums.iter_mut().zip(of_rank) {
                *whole = [whole[0] + own[0], whole[1] + own[1]];
            }
        }
    }

    /// For up to 16 channels, one in each lane, the means over the whole batch of the gradient of the outputs and of its product
    /// with the distance from the mean; 0 beyond the last.
    ///
    /// # Safety
    /// Moments and sums have been exchanged, and no thread writes them in this phase.
    pub(crate) unsafe fn mean_gradients(&self, channels: Range<usize>) -> [PerLane; 2] {
        let mut means = [[0.0; BLOCK]; 2];
        // SAFETY: guaranteed by the caller.
        let (moments, sums) = unsafe {
            let moments = self.moments.slice(channels.clone());
            (moments, self.gradients.slice(channels))
        };
        for (lane, (moments, sums)) in moments.iter().zip(sums).enumerate() {
            for (means, sum) in means.iter_mut().zip(sums) {
                means[lane] = (sum / moments.count) as f32;
            }
        }
        means
    }
}
