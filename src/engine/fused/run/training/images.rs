//! The phases of images: forward before the vectors', backward and update after them.

use std::ops::Range;

use super::{DropoutKey, Moments, Training};
use crate::{
    engine::fused::{
        kernels::{AddMatrices, Apply, Rule, dispatch},
        program::{Images, SAMPLES},
        run::images::{Backward, Forward, ImageBuffers, MAX_GROUPS, Source, group_count, groups},
    },
    seed::dropout_row,
};

impl Training<'_> {
    /// The images and their buffers, if the network has any.
    pub(super) fn images(&self) -> Option<(&Images, &ImageBuffers)> {
        let images = self.model.program.images.as_ref();
        images.zip(self.activations.images.as_ref())
    }

    /// Computes the flattened last images of this worker's blocks of samples.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn forward_images(
        &self,
        (images, buffers): (&Images, &ImageBuffers),
        samples: &[u32],
        dropout_key: Option<DropoutKey>,
    ) {
        let (model, input) = (self.model, self.activations.input.dense());
        let worker = &buffers.workers[self.worker.index];
        // SAFETY: each worker has its own buffers; no thread writes weights in this phase.
        unsafe { worker.weights.pack(model, images) };
        for at in groups(self.worker, samples.len()).flat_map(|(_, blocks)| blocks) {
            let rows = at * SAMPLES..samples.len().min((at + 1) * SAMPLES);
            let forward = Forward {
                model,
                images,
                block: &buffers.blocks[at],
                weights: &worker.weights,
                worker: Some(worker),
                dropout: dropout_key.is_some(),
            };
            let source = Source::numbered(&self.job.data.samples.features, &samples[rows.clone()]);
            // SAFETY: blocks are partitioned, and each worker has its own buffers; no thread reads the vectors' input in
            // this phase.
            unsafe {
                if let Some(key) = dropout_key {
                    self.draw_image_masks(buffers, at, rows.clone(), key);
                }
                forward.run(source, input.view_mut(0..input.blocks(), rows));
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
        DropoutKey { seed, step }: DropoutKey,
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
                let row = rows.start + lane.min(rows.len() - 1);
                dropout_row(seed, step, dropout.index, dropout.percent, row, drawn);
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

    /// Computes the gradients of this worker's groups of blocks.
    ///
    /// # Safety
    /// As [`Training::step`].
    pub(super) unsafe fn back_images(
        &self,
        (images, buffers): (&Images, &ImageBuffers),
        samples: usize,
    ) {
        // For a network without a `Linear`, the gradient of the logits.
        let delta = match self.model.program.layers.is_empty() {
            true => &self.activations.deltas[0],
            false => &buffers.delta,
        };
        for (group, blocks) in groups(self.worker, samples) {
            for at in blocks.clone() {
                let backward = Backward {
                    model: self.model,
                    images,
                    block: &buffers.blocks[at],
                    worker: &buffers.workers[self.worker.index],
                    gradients: &buffers.gradients[group],
                    adds: at > blocks.start,
                };
                let rows = at * SAMPLES..samples.min((at + 1) * SAMPLES);
                // SAFETY: groups are partitioned, and each worker has its own scratch; this phase writes only scratch
                // and the groups' gradients, and the block's buffers were written by this worker.
                unsafe { backward.run(delta.read(0..delta.blocks(), rows)) };
            }
        }
    }

    /// Updates this worker's partition of every convolution's weights by its gradients.
    ///
    /// # Safety
    /// As [`Training::update`].
    pub(super) unsafe fn update_images(
        &self,
        (images, buffers): (&Images, &ImageBuffers),
        samples: usize,
        rule: Rule,
        moments: Moments<'_>,
    ) {
        let groups = group_count(samples.div_ceil(SAMPLES));
        for index in images.convolutions().map(|convolution| convolution.weights) {
            let partition = self.weight_partition(index);
            // SAFETY: this phase writes gradients, weights and moments, in partitions.
            unsafe {
                let of_group = |group: usize| &buffers.gradients[group][index];
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
                let apply = Apply {
                    gradients: partition.read(sum),
                    factor: 1.0,
                    inputs: partition.rows.clone(),
                    bias: sum.rows() - 1,
                    active: None,
                    rule,
                    parameters: self.parameters(index, &partition, moments),
                };
                dispatch(self.model.simd, apply);
            }
        }
    }
}
