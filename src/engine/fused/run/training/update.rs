//! The update: each worker computes gradients of its weights and passes them to the optimiser.

use std::ops::Range;

use super::{Moments, Training};
use crate::engine::fused::{
    kernels::{Apply, Parameters, Rule, SparseWeightGradient, WeightGradient, dispatch},
    memory::matrix::{BLOCK, Matrix},
    program::{LayerOp, Norm},
    run::{clip::Squares, gradients::StoredGradients, input::Input, model::Model},
    threads::{BrokenBarrier, partition::Partition},
};
use crate::engine::ranks::Exchange;

/// The gradients that a step stores before the optimiser uses them, and why.
pub(crate) struct Stored<'a> {
    pub(crate) gradients: &'a StoredGradients,
    /// If they are added up over ranks.
    pub(crate) exchange: Option<&'a dyn Exchange>,
    /// If they are clipped, the sums for their norm, and what this is at most.
    pub(crate) clipping: Option<(&'a Squares, f64)>,
}

/// A partition of the weights of parameter `at`, with their moments.
///
/// # Safety
/// While the views live, no other view holds any of their values.
pub(super) unsafe fn parameters<'p>(
    model: &'p Model,
    at: usize,
    partition: &Partition,
    moments: Moments<'p>,
) -> Parameters<'p> {
    // SAFETY: guaranteed by the caller.
    let write = |matrix: &'p Matrix| unsafe { partition.write(matrix) };
    Parameters {
        weights: write(&model.weights[at]),
        moments: moments.map(|matrices| matrices.get(at).map(write)),
    }
}

impl Training<'_> {
    /// Updates this worker's partition of every layer's weights by its gradients, in step `index` of the job.
    ///
    /// # Safety
    /// As [`Training::step`]; the moments are the rule's.
    pub(super) unsafe fn update(
        &self,
        index: usize,
        batch: &[u32],
        rule: Rule,
        moments: Moments<'_>,
    ) {
        for at in (0..self.model.program.layers.len()).rev() {
            // SAFETY: guaranteed by the caller.
            unsafe { self.update_layer(at, None, (index, batch), rule, moments) };
        }
        if let Some(images) = self.images() {
            // SAFETY: guaranteed by the caller.
            unsafe { self.update_images(images, (index, batch.len()), rule, moments) };
        }
    }

    /// This worker's partition of the weights of parameter `at`.
    ///
    /// Rows are partitioned in blocks of inputs, so that a tile is within one block.
    pub(super) fn weight_partition(&self, at: usize) -> Partition {
        self.partition_of(at, 0..self.model.weights[at].blocks())
    }

    /// This worker's partition of some blocks of the weights of parameter `at`.
    fn partition_of(&self, at: usize, blocks: Range<usize>) -> Partition {
        let rows = self.model.weights[at].rows();
        let part = Partition::in_units(self.worker, blocks.len(), rows, BLOCK);
        Partition {
            blocks: blocks.start + part.blocks.start..blocks.start + part.blocks.end,
            rows: part.rows,
        }
    }

    /// This partition of the weights of parameter `at`, with their moments.
    ///
    /// # Safety
    /// While the views live, no other view holds any of their values.
    pub(super) unsafe fn parameters<'p>(
        &'p self,
        at: usize,
        partition: &Partition,
        moments: Moments<'p>,
    ) -> Parameters<'p> {
        // SAFETY: guaranteed by the caller.
        unsafe { parameters(self.model, at, partition, moments) }
    }

    /// Updates this worker's partition of the weights of layer `at`, in step `index` of the job; of a `Linear`, only that of
    /// these blocks of columns, if there are any.
    ///
    /// # Safety
    /// As [`Training::update`].
    pub(super) unsafe fn update_layer(
        &self,
        at: usize,
        blocks: Option<Range<usize>>,
        (index, batch): (usize, &[u32]),
        rule: Rule,
        moments: Moments<'_>,
    ) {
        let (model, all) = (self.model, self.activations);
        let layer = &model.program.layers[at];
        let (inputs, weights) = match &layer.op {
            LayerOp::Linear { inputs, weights } => (*inputs, *weights),
            LayerOp::Norm(Norm { weights, .. }) | LayerOp::LayerNorm { weights } => {
                // SAFETY: guaranteed by the caller.
                unsafe { self.apply(*weights, None, &all.gradients[at], 1.0, rule, moments) };
                return;
            }
            LayerOp::PRelu(prelu) => {
                // SAFETY: guaranteed by the caller.
                unsafe {
                    self.slope_gradients(at, prelu);
                    self.apply(prelu.weights, None, &all.gradients[at], 1.0, rule, moments);
                }
                return;
            }
            LayerOp::Embedding(embedding) => {
                let winners = Some(&all.winners[at]).filter(|winners| winners.blocks() > 0);
                let (delta, step) = ((&all.deltas[at], winners), (index, batch.len()));
                // SAFETY: guaranteed by the caller.
                unsafe { self.update_table(embedding, delta, step, rule, moments) };
                return;
            }
            LayerOp::Sum
            | LayerOp::Dot
            | LayerOp::OneHot { .. }
            | LayerOp::Narrow { .. }
            | LayerOp::Concat => return,
        };
        let blocks = blocks.unwrap_or(0..model.weights[weights].blocks());
        let partition = self.partition_of(weights, blocks);
        // SAFETY: this phase writes weights and moments, in partitions, and each worker's own scratch; it
        // reads activations and deltas, written before.
        unsafe {
            let parameters = self.parameters(weights, &partition, moments);
            let delta = all.deltas[at].read(partition.blocks.clone(), 0..batch.len());
            match self.value(layer.operands[0].value, batch) {
                Input::Dense(input) => {
                    let gradient = WeightGradient {
                        input,
                        delta,
                        inputs: partition.rows,
                        bias: inputs,
                        rule,
                        parameters,
                    };
                    dispatch(model.simd, gradient);
                }
                Input::Sparse(batch, _) => {
                    let gradient = SparseWeightGradient {
                        columns: all.input.columns(delta.rows),
                        active: self.active,
                        batch,
                        delta,
                        scratch: all.scratch[self.worker.index].slice_mut(
                            0..SparseWeightGradient::scratch_len(partition.rows.len().min(inputs)),
                        ),
                        inputs: partition.rows,
                        rule,
                        parameters,
                        next: self.next_samples(at, index),
                    };
                    dispatch(model.simd, gradient);
                }
            }
        }
    }

    /// The samples of the batch after batch `index` that layer `at` computes with this worker; none after the last.
    ///
    /// # Safety
    /// As [`Training::update`].
    unsafe fn next_samples(&self, at: usize, index: usize) -> &[u32] {
        // SAFETY: guaranteed by the caller.
        let next = unsafe { self.next_batch(index) };
        &next[self.forward_partition(at, next.len()).rows]
    }

    /// Stores the gradients, and passes them to the optimiser, clipped.
    ///
    /// # Safety
    /// As [`Training::update`].
    pub(super) unsafe fn stored_update(
        &self,
        stored: &Stored<'_>,
        index: usize,
        samples: &[u32],
        rule: Rule,
    ) -> Result<(), BrokenBarrier> {
        // SAFETY: between two barriers each of these writes what no other reads: gradients in partitions of
        // columns, then the sums of pieces, then weights and moments in partitions of columns.
        unsafe {
            self.update(
                index,
                samples,
                Rule::Store,
                [&stored.gradients.gradients, &[]],
            );
            self.worker.barrier()?;
            self.apply_clipped(stored, rule)
        }
    }

    /// Passes the stored gradients to the optimiser, clipped.
    ///
    /// # Safety
    /// As [`Training::update`], and no thread writes the gradients in this phase.
    pub(super) unsafe fn apply_clipped(
        &self,
        stored: &Stored<'_>,
        rule: Rule,
    ) -> Result<(), BrokenBarrier> {
        let gradients = &stored.gradients.gradients;
        let mut factor = 1.0;
        // SAFETY: between two barriers each of these writes what no other reads: the sums of pieces, then weights and
        // moments in partitions of columns.
        unsafe {
            if let Some((squares, max_norm)) = stored.clipping {
                squares.measure(gradients, self.model.simd, self.worker);
                self.worker.barrier()?;
                factor = squares.factor(max_norm);
            }
            for at in (0..gradients.len()).rev() {
                self.apply(at, None, &gradients[at], factor, rule, self.moments);
            }
        }
        Ok(())
    }

    /// Passes this worker's partition of the gradients of parameter `at`, or of some of its blocks of columns, to the
    /// optimiser.
    ///
    /// # Safety
    /// As [`Training::update`], and no thread writes the gradients in this phase.
    pub(super) unsafe fn apply(
        &self,
        at: usize,
        blocks: Option<Range<usize>>,
        gradients: &Matrix,
        factor: f32,
        rule: Rule,
        moments: Moments<'_>,
    ) {
        let blocks = blocks.unwrap_or(0..self.model.weights[at].blocks());
        let partition = self.partition_of(at, blocks);
        // SAFETY: guaranteed by the caller; partitions are disjoint.
        let apply = unsafe {
            Apply {
                gradients: partition.read(gradients),
                factor,
                inputs: partition.rows.clone(),
                bias: gradients.rows() - 1,
                active: (at == 0 && self.model.program.takes_bitmaps).then_some(self.active),
                rule,
                parameters: self.parameters(at, &partition, moments),
            }
        };
        dispatch(self.model.simd, apply);
    }
}
