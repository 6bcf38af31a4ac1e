//! The phases of images: forward before the vectors', backward and update after them.

use std::ops::Range;

use super::{DropoutKey, Moments, Training};
use crate::engine::fused::{
    kernels::{AddMatrices, Rule, dispatch},
    program::{ImageOp, Images, Norm, SAMPLES},
    run::{
        images::{Backward, Forward, ImageBuffers, MAX_GROUPS, Source, group_count, groups},
        norm::inverse_deviation,
    },
    threads::BrokenBarrier,
};

impl Training<'_> {
    /// The images and their buffers, if the network has any.
    pub(super) fn images(&self) -> Option<(&Images, &ImageBuffers)> {
        let images = self.model.program.images.as_ref();
        images.zip(self.activations.images.as_ref())
    }

    /// The same, if they have weights: poolings alone have none.
    pub(super) fn trained_images(&self) -> Option<(&Images, &ImageBuffers)> {
        self.images().filter(|(images, _)| images.has_weights())
    }

    /// Computes the flattened images of this worker's blocks of samples, with a barrier before each batch
    /// normalisation.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn forward_images(
        &self,
        (images, buffers): (&Images, &ImageBuffers),
        samples: &[u32],
        dropout_key: Option<DropoutKey>,
    ) -> Result<(), BrokenBarrier> {
        let (model, input) = (self.model, self.activations.input.dense());
        let worker = &buffers.workers[self.worker.index];
        // SAFETY: each worker has its own buffers; no thread writes weights in this phase.
        unsafe { worker.weights.pack(model, images) };
        for (index, stage) in images.stages.iter().enumerate() {
            let (is_first, is_last) = (index == 0, index + 1 == images.stages.len());
            for at in groups(self.worker, samples.len()).flat_map(|(_, blocks)| blocks) {
                let rows = at * SAMPLES..samples.len().min((at + 1) * SAMPLES);
                let features = &self.job.data.samples.features;
                let forward = Forward {
                    model,
                    images,
                    source: Source::numbered(features, &samples[rows.clone()]),
                    block: &buffers.blocks[at],
                    weights: &worker.weights,
                    worker: Some(worker),
                    batch: Some(buffers.batch(at, samples.len(), self.whole_batches())),
                    dropout: dropout_key.is_some(),
                };
                // SAFETY: blocks are partitioned, and each worker has its own buffers; no thread reads the vectors' input in
                // this phase. The batch has been measured before the last barrier.
                unsafe {
                    if is_first {
                        if let Some(key) = dropout_key {
                            self.draw_image_masks(buffers, at, rows.clone(), key);
                        }
                        forward.begin();
                    }
                    forward.layers(stage.clone());
                    match is_last {
                        true => forward.flatten(input.view_mut(0..input.blocks(), rows)),
                        false => forward.measure(stage.end),
                    }
                }
            }
            if !is_last {
                self.worker.barrier()?;
                if let Some(norm) = images.layers[stage.end].op.norm()
                    && self.worker.index == 0
                {
                    // SAFETY: the batch has been measured; no thread reads the sums of all ranks before the next barrier, and
                    // in training, only this worker uses running statistics.
                    unsafe {
                        self.exchange_image_moments(buffers, norm, samples.len());
                        if dropout_key.is_some() {
                            self.update_running(buffers, norm, samples.len());
                        }
                    }
                }
                if self.exchange().is_some() {
                    self.worker.barrier()?;
                }
            }
        }
        Ok(())
    }

    /// If several ranks compute the batch, exchanges what each has measured.
    ///
    /// # Safety
    /// This rank's part of the batch has been measured; no other thread uses the moments of all ranks in this phase.
    unsafe fn exchange_image_moments(&self, buffers: &ImageBuffers, norm: &Norm, samples: usize) {
        let Some(exchange) = self.exchange() else {
            return;
        };
        let whole = &self.activations.whole_batches[norm.index];
        // SAFETY: guaranteed by the caller.
        unsafe {
            let moments = whole.moments.slice_mut(0..norm.channels);
            for (channel, moments) in moments.iter_mut().enumerate() {
                *moments = buffers.norms[norm.index].moments(channel, samples);
            }
            whole.exchange_moments(exchange);
        }
    }

    /// If several ranks compute the batch, exchanges what each has added up.
    ///
    /// # Safety
    /// This rank's part of the batch has been added up; no other thread uses the sums of all ranks in this phase.
    unsafe fn exchange_image_gradients(&self, buffers: &ImageBuffers, norm: &Norm, samples: usize) {
        let Some(exchange) = self.exchange() else {
            return;
        };
        let whole = &self.activations.whole_batches[norm.index];
        // SAFETY: guaranteed by the caller.
        unsafe {
            let sums = whole.gradients.slice_mut(0..norm.channels);
            for (channel, sums) in sums.iter_mut().enumerate() {
                *sums = buffers.norms[norm.index].gradients(channel, samples);
            }
            whole.exchange_gradients(exchange);
        }
    }

    /// Adds the batch to the running statistics of a batch normalisation.
    ///
    /// # Safety
    /// The batch has been measured, and by all ranks; no other thread uses running statistics in this phase.
    unsafe fn update_running(&self, buffers: &ImageBuffers, norm: &Norm, samples: usize) {
        let batch = buffers.batch(0, samples, self.whole_batches());
        // SAFETY: guaranteed by the caller.
        unsafe {
            let statistics = &self.model.statistics;
            let means = statistics.slice_mut(norm.means(0..norm.channels));
            let variances = statistics.slice_mut(norm.variances(0..norm.channels));
            for (channel, (mean, variance)) in means.iter_mut().zip(variances).enumerate() {
                batch.moments(norm, channel).add_to(mean, variance);
            }
        }
    }

    /// Draws the dropout masks of a block of images. Lanes without a sample have those of the last one, as they have its
    /// pixels.
    ///
    /// # Safety
    /// No other thread uses this worker's scratch, or this block's masks, until this returns.
    unsafe fn draw_image_masks(
        &self,
        buffers: &ImageBuffers,
        block: usize,
        rows: Range<usize>,
        DropoutKey {
            seed,
            step,
            first_row,
        }: DropoutKey,
    ) {
        let masks = &buffers.blocks[block].masks;
        for (dropout, mask) in self.model.program.dropouts.iter().zip(masks) {
            if dropout.image.is_none() {
                continue;
            }
            // SAFETY: guaranteed by the caller.
            let (drawn, mut mask) = unsafe {
                let scratch = &self.activations.scratch[self.worker.index];
                (scratch.slice_mut(0..dropout.width), mask.view_mut())
            };
            for lane in 0..SAMPLES {
                let row = first_row + rows.start + lane.min(rows.len() - 1);
                dropout.draw(seed, step, row, drawn);
                let [_, height, width] = mask.layout.size();
                for (at, rows) in drawn.chunks(height * width).enumerate() {
                    let mut channel = mask.channel(at);
                    for (row, columns) in rows.chunks(width).enumerate() {
                        for (column, value) in columns.iter().enumerate() {
                            channel.row(row, column)[lane] = *value;
                        }
                    }
                }
            }
        }
    }

    /// Computes the gradients of this worker's groups of blocks, with a barrier at each batch normalisation.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn back_images(
        &self,
        (images, buffers): (&Images, &ImageBuffers),
        samples: usize,
    ) -> Result<(), BrokenBarrier> {
        // For a network without a `Linear`, the gradient of the logits.
        let delta = match self.model.program.layers.is_empty() {
            true => &self.activations.deltas[0],
            false => &buffers.delta,
        };
        for (index, stage) in images.stages.iter().enumerate().rev() {
            let (is_first, is_last) = (index == 0, index + 1 == images.stages.len());
            for (group, blocks) in groups(self.worker, samples) {
                for at in blocks.clone() {
                    let rows = at * SAMPLES..samples.min((at + 1) * SAMPLES);
                    let backward = Backward {
                        model: self.model,
                        images,
                        block: &buffers.blocks[at],
                        worker: &buffers.workers[self.worker.index],
                        gradients: &buffers.gradients[group],
                        sequences: &buffers.sequences,
                        rows: rows.clone(),
                        adds: at > blocks.start,
                        batch: buffers.batch(at, samples, self.whole_batches()),
                    };
                    // The batch normalisation that begins a stage needs a barrier between its outputs' gradient and its
                    // input's.
                    let start = stage.start + usize::from(!is_first);
                    let end = stage.end + usize::from(!is_last);
                    // SAFETY: groups are partitioned, and each worker has its own scratch; this phase writes only
                    // scratch, the groups' gradients, the samples' rows of sequences and the blocks' deltas and sums,
                    // and the block's other buffers were written by this worker. The batch has been added up before the
                    // last barrier.
                    unsafe {
                        if is_last {
                            backward.begin(delta.read(0..delta.blocks(), rows));
                        }
                        for layer in (start..end).rev() {
                            backward.layer(layer);
                        }
                        if !is_first {
                            backward.add_up(stage.start);
                        }
                    }
                }
            }
            if !is_first {
                self.worker.barrier()?;
                if let Some(norm) = images.layers[stage.start].op.norm()
                    && self.worker.index == 0
                {
                    // SAFETY: the batch has been added up; the gradients of these weights are this worker's, and no thread reads
                    // the sums of all ranks before the next barrier.
                    unsafe {
                        self.norm_gradient(buffers, norm, samples);
                        self.exchange_image_gradients(buffers, norm, samples);
                    }
                }
                if self.exchange().is_some() {
                    self.worker.barrier()?;
                }
            }
        }
        Ok(())
    }

    /// Stores the gradient of the weights of a batch normalisation in those of the first group: this rank's part of it.
    ///
    /// # Safety
    /// The batch has been added up; no other thread uses this gradient in this phase.
    unsafe fn norm_gradient(&self, buffers: &ImageBuffers, norm: &Norm, samples: usize) {
        let sums = &buffers.norms[norm.index];
        let batch = buffers.batch(0, samples, self.whole_batches());
        let matrix = &buffers.gradients[0][norm.weights];
        // SAFETY: guaranteed by the caller.
        unsafe {
            let mut gradient = matrix.view_mut(0..matrix.blocks(), 0..2);
            for channel in 0..norm.channels {
                let (block, lane) = (channel / SAMPLES, channel % SAMPLES);
                let [_, variance] = batch.moments(norm, channel).rounded();
                let [sum, product] = sums.gradients(channel, samples);
                let inverse = f64::from(inverse_deviation(variance));
                gradient.row(block, 0)[lane] = (product * inverse) as f32;
                gradient.row(block, 1)[lane] = sum as f32;
            }
        }
    }

    /// Updates this worker's partition of the weights of every layer of images by their gradients.
    ///
    /// # Safety
    /// As [`Training::update`].
    pub(super) unsafe fn update_images(
        &self,
        (images, buffers): (&Images, &ImageBuffers),
        (index, samples): (usize, usize),
        rule: Rule,
        moments: Moments<'_>,
    ) {
        let groups = group_count(samples.div_ceil(SAMPLES));
        for layer in &images.layers {
            let (at, groups) = match &layer.op {
                ImageOp::Embedding(embedding) => {
                    let delta = (&buffers.sequences[embedding.index], None);
                    // SAFETY: guaranteed by the caller.
                    unsafe { self.update_table(embedding, delta, (index, samples), rule, moments) };
                    continue;
                }
                ImageOp::Norm(norm) => (norm.weights, 1),
                op => match op.summed_weights() {
                    Some(weights) => (weights, groups),
                    None => continue,
                },
            };
            let partition = self.weight_partition(at);
            // SAFETY: this phase writes gradients, weights and moments, in partitions.
            unsafe {
                let of_group = |group: usize| &buffers.gradients[group][at];
                let sum = of_group(0);
                let mut terms = [partition.read(sum); MAX_GROUPS];
                for group in 1..groups {
                    terms[group - 1] = partition.read(of_group(group));
                }
                let add = AddMatrices {
                    sum: partition.write(sum),
                    terms: &terms[..groups - 1],
                };
                dispatch(self.model.simd, add);
                self.apply(at, None, sum, 1.0, rule, moments);
            }
        }
    }
}
