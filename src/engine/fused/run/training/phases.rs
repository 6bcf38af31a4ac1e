//! The phases before the update: gather, forward, loss, back.

use super::{Batch, DropoutKey, Training};
use crate::engine::fused::{
    kernels::{
        CopyColumns, Derivative, DotGradient, Epilogue, InputGradient, LossGradient, Rows, Samples,
        Sum, dispatch, prefetch,
    },
    memory::matrix::{BLOCK, Matrix, View},
    program::{Contribution, LayerOp, Operand, Value},
    run::{
        forward::{self, Outputs},
        input::Input,
    },
    threads::{
        BrokenBarrier,
        partition::{self, Partition},
    },
};

impl Training<'_> {
    /// Whether there is anything to [`gather`](Training::gather): sparse samples are read in place.
    pub(super) fn gathers(&self, dropout_key: Option<DropoutKey>) -> bool {
        let masks = dropout_key.is_some() && !self.activations.masks.is_empty();
        masks || self.activations.input.is_dense()
    }

    /// Gathers this worker's rows: samples, masks, and the operations before the first layer.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn gather(
        &self,
        samples: &[u32],
        dropout_key: Option<DropoutKey>,
    ) -> Result<(), BrokenBarrier> {
        let (model, all) = (self.model, self.activations);
        let rows = partition::rows(self.worker, samples.len());
        let images = self.images();
        if let Some(images) = images {
            // SAFETY: guaranteed by the caller.
            unsafe { self.forward_images(images, samples, dropout_key)? };
        }
        // SAFETY: rows are partitioned; no thread reads samples or masks before the next barrier, except for the masks
        // of these rows just below.
        unsafe {
            let samples = &samples[rows.clone()];
            if all.input.is_dense() && model.program.samples.is_some() {
                let from = Rows::of(&self.job.data.samples.features);
                let samples = Samples::Numbered(samples);
                all.input.gather(model.simd, from, samples, rows.clone());
            }
            if let Some(DropoutKey {
                seed,
                step,
                first_row,
            }) = dropout_key
            {
                let dropouts = model.program.dropouts.iter().zip(&all.masks);
                for (dropout, mask) in dropouts.filter(|(dropout, _)| dropout.image.is_none()) {
                    let mut mask = mask.view_mut(0..mask.blocks(), rows.clone());
                    let drawn = all.scratch[self.worker.index].slice_mut(0..dropout.width);
                    for row in 0..rows.len() {
                        dropout.draw(seed, step, first_row + rows.start + row, drawn);
                        for (block, drawn) in drawn.chunks(BLOCK).enumerate() {
                            mask.row(block, row)[..drawn.len()].copy_from_slice(drawn);
                        }
                    }
                }
            }
            if all.input.is_dense() && images.is_none() {
                let input = all.input.dense();
                let values = input.view_mut(0..input.blocks(), rows.clone());
                let partition = Partition {
                    blocks: 0..input.blocks(),
                    rows,
                };
                let masks = dropout_key.map(|_| &all.masks[..]);
                forward::before(model, &partition, values, masks);
            }
        }
        Ok(())
    }

    /// Transposes this worker's columns of the bitmap, which the update reads.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn transpose_bitmap(&self, samples: &[u32]) {
        if let Some(batch) = self.job.data.sparse(samples) {
            let words = partition::some(self.worker, batch.words());
            let (input, simd) = (&self.activations.input, self.model.simd);
            // SAFETY: words are partitioned; no thread reads the columns in this phase.
            unsafe { input.transpose_bitmap(simd, batch, samples.len(), words) };
        }
    }

    /// A value for a batch: the vectors' input, or the outputs of a layer.
    ///
    /// # Safety
    /// No thread writes them in this phase.
    pub(super) unsafe fn value<'b>(&'b self, value: Value, batch: &'b [u32]) -> Input<'b> {
        // SAFETY: guaranteed by the caller.
        unsafe {
            match value.checked_sub(1) {
                None => self.activations.input.read(&self.job.data, batch),
                Some(at) => {
                    let outputs = &self.activations.outputs[at];
                    Input::Dense(outputs.read(0..outputs.blocks(), 0..batch.len()))
                }
            }
        }
    }

    /// This worker's partition of the outputs of layer `at` for `rows` samples.
    pub(super) fn forward_partition(&self, at: usize, rows: usize) -> Partition {
        let layers = &self.model.program.layers;
        let blocks = self.activations.outputs[at].blocks();
        // whole rows of the table
        let has_rows = matches!(
            layers[at].op,
            LayerOp::LayerNorm { .. } | LayerOp::Embedding(_)
        );
        if has_rows || at + 1 == layers.len() {
            return Partition {
                blocks: 0..blocks,
                rows: partition::rows(self.worker, rows),
            };
        }
        Partition::of(self.worker, blocks, rows)
    }

    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn forward(
        &self,
        at: usize,
        batch: &[u32],
        dropout: bool,
    ) -> Result<(), BrokenBarrier> {
        let all = self.activations;
        if let LayerOp::Norm(norm) = &self.model.program.layers[at].op {
            // SAFETY: guaranteed by the caller. Dropout is on in training.
            return unsafe { self.normalize(at, norm, batch, dropout) };
        }
        let output = &all.outputs[at];
        let layer = &self.model.program.layers[at];
        let is_norm = matches!(layer.op, LayerOp::LayerNorm { .. });
        let partition = self.forward_partition(at, batch.len());
        let derivatives = layer.stores_derivatives();
        let has_winners = all.winners[at].blocks() > 0;
        // SAFETY: the inputs of this phase were written before the last barrier; partitions are disjoint, and no other
        // thread reads this layer's outputs before the next barrier.
        unsafe {
            let outputs = Outputs {
                values: partition.write(output),
                derivatives: derivatives.then(|| partition.write(&all.derivatives[at])),
                winners: has_winners.then(|| partition.write(&all.winners[at])),
                masks: dropout.then_some(&all.masks[..]),
                numbers: match is_norm {
                    true => all.sample_numbers[at].slice_mut(partition.rows.clone()),
                    false => &mut [],
                },
            };
            let rows = &batch[..partition.rows.end];
            let operand = |operand: &Operand| match self.value(operand.value, rows) {
                Input::Dense(view) => {
                    Input::Dense(view.within(0..view.blocks, partition.rows.clone()))
                }
                Input::Sparse(batch, _) => Input::Sparse(batch, partition.rows.start),
            };
            forward::layer(self.model, at, &partition, operand, outputs);
        }
        Ok(())
    }

    /// The derivatives of the operations after layer `at`.
    ///
    /// # Safety
    /// No thread but this one writes the layer's outputs and derivatives in this phase.
    pub(super) unsafe fn derivative_of(
        &self,
        at: usize,
        partition: &Partition,
    ) -> Derivative<View<'_>> {
        let layer = &self.model.program.layers[at];
        let all = self.activations;
        // SAFETY: guaranteed by the caller.
        unsafe {
            if layer.is_relu() {
                Derivative::Relu(partition.read(&all.outputs[at]))
            } else if layer.stores_derivatives() {
                Derivative::Stored(partition.read(&all.derivatives[at]))
            } else {
                Derivative::One
            }
        }
    }

    /// The derivatives by which a term in the gradient of a value is multiplied: those after the layer that computed the value,
    /// if the term `completes` the gradient.
    ///
    /// # Safety
    /// As [`Training::derivative_of`].
    pub(super) unsafe fn term_derivative(
        &self,
        value: Value,
        completes: bool,
        partition: &Partition,
    ) -> Derivative<View<'_>> {
        match value.checked_sub(1) {
            // SAFETY: guaranteed by the caller.
            Some(before) if completes => unsafe { self.derivative_of(before, partition) },
            _ => Derivative::One,
        }
    }

    /// Computes the losses of this worker's rows, and the last layer's delta.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn loss(
        &self,
        Batch {
            all: whole,
            own: batch,
            ..
        }: Batch<'_>,
    ) {
        let (model, all) = (self.model, self.activations);
        let last = model.program.layers.len().checked_sub(1);
        let logits = last.map_or(all.input.dense(), |last| &all.outputs[last]);
        let delta = &all.deltas[last.unwrap_or(0)];
        let partition = Partition {
            blocks: 0..logits.blocks(),
            rows: partition::rows(self.worker, batch.len()),
        };
        let rows = partition.rows.clone();
        let (loss, data) = (&self.job.loss, &*self.job.data.samples);
        // SAFETY: the logits of these rows were written by this worker; only it accesses deltas and losses of these
        // rows before the next barrier.
        let gradient = unsafe {
            LossGradient {
                loss,
                logits: partition.read(logits),
                classes: model.program.outputs,
                targets: &data.targets,
                samples: &batch[rows.clone()],
                weights: data.weights.as_deref(),
                divisor: loss.divisor(&data.targets, data.weights.as_deref(), whole),
                derivatives: last
                    .map_or(Derivative::One, |last| self.derivative_of(last, &partition)),
                delta: partition.write(delta),
                losses: all.losses.slice_mut(rows),
            }
        };
        dispatch(model.simd, gradient);
    }

    /// Fetches into the cache the targets that [`Training::loss`] reads in the batch after batch `index`: in a large data set,
    /// each is in a page of its own.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn prefetch_targets(&self, index: usize) {
        // SAFETY: guaranteed by the caller.
        let next = unsafe { self.next_batch(index) };
        let (targets, width) = (&self.job.data.samples.targets, self.model.program.outputs);
        for &sample in &next[partition::rows(self.worker, next.len())] {
            prefetch(targets.address(width, sample as usize));
        }
    }

    /// Whether there is anything to [`back`](Training::back).
    pub(super) fn has_back(&self, at: usize) -> bool {
        let layer = &self.model.program.layers[at];
        let mut operands = layer.operands.iter();
        let is_stored_there = layer.op.weights().is_some() && !self.is_stored_in_update(at);
        is_stored_there || operands.any(|operand| operand.gradient.is_some())
    }

    /// Whether the update of layer `at` computes the gradient of its weights; [`back`](Training::back) computes that of others.
    pub(super) fn is_stored_in_update(&self, at: usize) -> bool {
        let op = self.model.program.layers[at].op;
        matches!(op, LayerOp::Linear { .. } | LayerOp::Embedding(_))
    }

    /// The gradient of a value, if it is computed.
    pub(super) fn delta_of(&self, value: Value) -> Option<&Matrix> {
        match value.checked_sub(1) {
            Some(at) => Some(&self.activations.deltas[at]),
            None => self.activations.images.as_ref().map(|images| &images.delta),
        }
    }

    /// Computes the terms of layer `at` in the gradients of its operands; of a layer with weights that is no `Linear`, also
    /// the gradient of its weights.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn back(&self, at: usize, batch: &[u32]) -> Result<(), BrokenBarrier> {
        match &self.model.program.layers[at].op {
            // SAFETY: guaranteed by the caller.
            LayerOp::Norm(norm) => return unsafe { self.back_norm(at, norm, batch) },
            LayerOp::LayerNorm { weights } => {
                // SAFETY: guaranteed by the caller.
                unsafe { self.back_layer_norm(at, *weights, batch) };
                return Ok(());
            }
            LayerOp::PRelu(prelu) => {
                // SAFETY: guaranteed by the caller.
                unsafe { self.back_prelu(at, prelu, batch) };
                return Ok(());
            }
            LayerOp::Linear { .. }
            | LayerOp::Embedding(_)
            | LayerOp::Sum
            | LayerOp::Dot
            | LayerOp::OneHot { .. }
            | LayerOp::Narrow { .. }
            | LayerOp::Concat => {}
        }
        for (index, operand) in self.model.program.layers[at].operands.iter().enumerate() {
            if let Some(contribution) = operand.gradient {
                // SAFETY: guaranteed by the caller.
                unsafe { self.contribute((at, index), operand, contribution, batch) };
            }
        }
        Ok(())
    }

    /// # Safety
    /// As [`Training::step`].
    unsafe fn contribute(
        &self,
        (at, index): (usize, usize),
        &Operand { value, first, .. }: &Operand,
        Contribution { adds, completes }: Contribution,
        batch: &[u32],
    ) {
        let (model, all) = (self.model, self.activations);
        let Some(output) = self.delta_of(value) else {
            return;
        };
        let partition = Partition::of(self.worker, output.blocks(), batch.len());
        // SAFETY: this phase writes the gradients of the layer's operands, in partitions, and each worker's own scratch;
        // it reads what was written in earlier phases.
        unsafe {
            let derivatives = self.term_derivative(value, completes, &partition);
            let (delta, output) = (&all.deltas[at], partition.write(output));
            match model.program.layers[at].op {
                LayerOp::Linear { weights, .. } => {
                    let outputs = model.program.layers[at].outputs;
                    let scratch_len = InputGradient::scratch_len(outputs);
                    let gradient = InputGradient {
                        delta: delta.read(0..delta.blocks(), partition.rows.clone()),
                        outputs,
                        weights: model.weights[weights].view(),
                        first_block: partition.blocks.start,
                        adds,
                        derivatives,
                        output,
                        scratch: all.scratch[self.worker.index].slice_mut(0..scratch_len),
                    };
                    dispatch(model.simd, gradient);
                }
                // see `back`
                LayerOp::Norm(_) | LayerOp::LayerNorm { .. } | LayerOp::PRelu(_) => {}
                // they read the network's input, whose gradient is not computed
                LayerOp::Embedding(_) | LayerOp::OneHot { .. } => {}
                LayerOp::Narrow { start, .. } => {
                    let columns = partition.blocks.start * BLOCK..partition.blocks.end * BLOCK;
                    let end = start + model.program.layers[at].outputs;
                    let [from, to] =
                        [start, end].map(|column| column.clamp(columns.start, columns.end));
                    let copy = CopyColumns {
                        input: delta.read(0..delta.blocks(), partition.rows.clone()),
                        from: from.saturating_sub(start),
                        output,
                        to: from - columns.start,
                        len: to - from,
                        adds,
                        epilogue: Epilogue::Derivative(derivatives),
                    };
                    dispatch(model.simd, copy);
                }
                LayerOp::Dot => {
                    let other = &model.program.layers[at].operands[1 - index];
                    let other = self.value(other.value, batch).dense();
                    let gradient = DotGradient {
                        delta: delta.read(0..1, partition.rows.clone()),
                        other: other.within(partition.blocks.clone(), partition.rows.clone()),
                        columns: self
                            .model
                            .program
                            .width(value)
                            .saturating_sub(partition.blocks.start * BLOCK),
                        adds,
                        derivatives,
                        output,
                    };
                    dispatch(model.simd, gradient);
                }
                LayerOp::Concat => {
                    let start = partition.blocks.start * BLOCK;
                    let end = self
                        .model
                        .program
                        .width(value)
                        .min(partition.blocks.end * BLOCK);
                    let copy = CopyColumns {
                        input: delta.read(0..delta.blocks(), partition.rows.clone()),
                        from: first + start,
                        output,
                        to: 0,
                        len: end.saturating_sub(start),
                        adds,
                        epilogue: Epilogue::Derivative(derivatives),
                    };
                    dispatch(model.simd, copy);
                }
                LayerOp::Sum => {
                    let sum = Sum {
                        first: partition.read(delta),
                        second: None,
                        adds,
                        output,
                        epilogue: Epilogue::Derivative(derivatives),
                    };
                    dispatch(model.simd, sum);
                }
            }
        }
    }
}
