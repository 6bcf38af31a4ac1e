//! Logits of one sample, on the caller's thread: the forward pass of a frozen model with the engine's weights.

use super::{forward, model::Model};
use crate::{
    engine::fused::{
        memory::matrix::{BLOCK, ViewMut},
        program,
        threads::partition::Partition,
    },
    plan::Op,
    single::{At, Code, Kept, Lanes, Matrix, Sealed, Values, affine_of},
};

/// The engine's weights, as input of the forward pass of one sample.
pub(crate) struct LiveWeights<'a> {
    model: &'a Model,
}

impl<'a> LiveWeights<'a> {
    /// # Safety
    /// While it lives, no thread writes the weights.
    pub(crate) unsafe fn new(model: &'a Model) -> Self {
        LiveWeights { model }
    }
}

impl Values for LiveWeights<'_> {}
impl Sealed for LiveWeights<'_> {
    type Norms = Kept;

    #[inline(always)]
    unsafe fn matrix(&self, at: &At) -> impl Matrix {
        let [outputs, inputs] = at.matrix;
        // SAFETY: no thread writes the weights, as guaranteed to `new`.
        unsafe {
            self.model.weights[at.parameters]
                .view()
                .columns(inputs, outputs)
        }
    }

    #[inline(always)]
    unsafe fn row(&self, at: &At, token: usize, output: usize) -> [f32; BLOCK] {
        // SAFETY: as above.
        *unsafe { self.model.weights[at.parameters].view() }.row(output / BLOCK, token)
    }

    #[inline(always)]
    unsafe fn norm(&self, at: &At, channel: usize) -> [f32; 2] {
        let [channels, _] = at.matrix;
        let mean = at.step.statistics + channel;
        // SAFETY: guaranteed by the caller; no thread writes the weights or the statistics, as guaranteed to `new`.
        unsafe {
            let parameters = self.matrix(at).of_channel(channel);
            let statistic = |at: usize| self.model.statistics.slice(at..at + 1)[0];
            affine_of(parameters, statistic(mean), statistic(mean + channels))
        }
    }

    #[inline(always)]
    unsafe fn moments(&self, at: &At, feature: usize) -> [f32; 2] {
        let mean = at.step.statistics + feature;
        // SAFETY: guaranteed by the caller; no thread writes the statistics, as guaranteed to `new`.
        let statistic = |at: usize| unsafe { self.model.statistics.slice(at..at + 1)[0] };
        [mean, mean + at.step.inputs].map(statistic)
    }

    fn skips_zeros(&self) -> bool {
        self.model.skips_zeros()
    }

    fn activate<L: Lanes>(&self, _: L, op: Op, _: Code<L>, blocks: &mut [f32]) {
        let partition = Partition {
            blocks: 0..blocks.len() / BLOCK,
            rows: 0..1,
        };
        let values = ViewMut::of(blocks, partition.blocks.len(), 1);
        let chain = [program::Elementwise { op, dropout: None }];
        // SAFETY: there are no masks.
        unsafe { forward::elementwise(self.model, &chain, &partition, values, None, None) };
    }
}
