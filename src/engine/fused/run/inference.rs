//! Logits of many samples, by all workers.

use std::sync::{Mutex, PoisonError};

use super::{
    bitmap::{self, Uploaded},
    forward::{self, Outputs},
    images::{InferenceBuffers, Source as ImageSource},
    input::{Input, InputBuffer},
    model::Model,
};
use crate::engine::fused::{
    kernels::{NonzeroBits, Rows, Samples, SparseBatch, Values, WORD, dispatch},
    memory::{
        matrix::{BLOCK, Matrix},
        raw_slice::{RawSlice, RawSliceMut},
    },
    program::{Operand, SAMPLES, Value},
    threads::{
        partition::{self, Partition},
        pool::Worker,
    },
};

/// The number of samples per chunk, whose activations stay in the L2 cache.
const CHUNK: usize = 64;

/// An inference job: logits of samples.
pub(crate) struct Job {
    pub(crate) source: Source,
    /// `[n, C]` row-major.
    pub(crate) logits: RawSliceMut<f32>,
}

/// The samples.
pub(crate) enum Source {
    /// Samples of a data set, by index.
    Numbered(Uploaded, RawSlice<u32>),
    /// `[n, I]` row-major.
    Features(RawSlice<f32>),
}

/// Buffers for a worker's chunk of samples.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// The vectors' input: samples, or flattened images.
    input: InputBuffer,
    /// If the network has images.
    images: Option<InferenceBuffers>,
    /// For each layer, `[CHUNK, O]`.
    outputs: Vec<Matrix>,
    bits: Vec<u64>,
}

impl Chunk {
    fn new(model: &Model, is_dense: bool) -> Self {
        let program = &model.program;
        let outputs = program.layers.iter();
        Chunk {
            input: InputBuffer::new(CHUNK, program, is_dense),
            images: program.images.as_ref().map(InferenceBuffers::new),
            outputs: outputs
                .map(|layer| Matrix::zeros(CHUNK, layer.outputs))
                .collect(),
            bits: vec![0; CHUNK * program.inputs.div_ceil(WORD)],
        }
    }
}

impl Job {
    /// One worker's chunks of the job.
    ///
    /// # Safety
    /// The job's slices are still borrowed, no thread writes the weights, and no other thread runs the
    /// same job as the same worker.
    pub(crate) unsafe fn run(
        &self,
        model: &Model,
        worker: &Worker<'_>,
        room: &Mutex<Option<Chunk>>,
    ) {
        let (width, classes) = (model.program.inputs, model.program.outputs);
        let is_dense = match &self.source {
            Source::Numbered(data, _) => data.bitmap.is_none(),
            Source::Features(_) => true,
        };
        let mut room = room.lock().unwrap_or_else(PoisonError::into_inner);
        if room
            .as_ref()
            .is_none_or(|chunk| chunk.input.is_dense() != is_dense)
        {
            *room = None;
        }
        let chunk = room.get_or_insert_with(|| Chunk::new(model, is_dense));
        if let Some((images, buffers)) = model.program.images.as_ref().zip(chunk.images.as_ref()) {
            // SAFETY: only this worker uses its chunk; no thread writes the weights, as guaranteed by the caller.
            unsafe { buffers.pack_weights(model, images) };
        }
        let count = self.logits.len() / classes;
        let mine = match chunk.images {
            Some(_) => partition::rows_in_units(worker, count, SAMPLES),
            None => partition::rows(worker, count),
        };
        for first in mine.clone().step_by(CHUNK) {
            let rows = first..mine.end.min(first + CHUNK);
            // SAFETY: the slices are still borrowed, as the caller guarantees; rows are partitioned.
            unsafe {
                let logits = self
                    .logits
                    .slice_mut(rows.start * classes..rows.end * classes);
                match &self.source {
                    Source::Numbered(data, order) => {
                        let order = order.get();
                        // The samples after these rows are fetched into the cache meanwhile.
                        let input = match data.sparse(&order[rows.start..mine.end]) {
                            Some(batch) => Input::Sparse(batch, 0),
                            None => {
                                let features = Rows::of(&data.samples.features);
                                let samples = Samples::Numbered(&order[rows.clone()]);
                                chunk.gather(model, features, samples, rows.len())
                            }
                        };
                        chunk.layers(model, input, rows.len(), logits);
                    }
                    Source::Features(features) => {
                        let values = &features.get()[rows.start * width..rows.end * width];
                        let sparse = model.program.takes_bitmaps
                            && model.skips_zeros()
                            && chunk.find_zeros(model, values, width);
                        if sparse {
                            let batch = SparseBatch {
                                features: width,
                                bits: Some(&chunk.bits),
                                values: Values::Floats(values),
                                samples: Samples::From(0),
                            };
                            chunk.layers(model, Input::Sparse(batch, 0), rows.len(), logits);
                        } else {
                            let (values, samples) = (Rows::Floats(values), Samples::From(0));
                            let input = chunk.gather(model, values, samples, rows.len());
                            chunk.layers(model, input, rows.len(), logits);
                        }
                    }
                }
            }
        }
    }
}

impl Chunk {
    /// Computes the bitmaps of some samples, and returns whether they are sparse enough for the sparse product.
    fn find_zeros(&mut self, model: &Model, values: &[f32], width: usize) -> bool {
        if width < WORD {
            return false;
        }
        let bits = self.bits.chunks_exact_mut(width.div_ceil(WORD));
        let counts = values.chunks_exact(width).zip(bits);
        let count: usize = counts
            .map(|(values, bits)| {
                let values = Rows::Floats(values);
                dispatch(model.simd, NonzeroBits { values, bits })
            })
            .sum();
        (count as f64) < bitmap::SPARSE_BELOW * values.len() as f64
    }

    /// The vectors' input for `count` samples: flattened images, samples, or both.
    ///
    /// # Safety
    /// No other thread uses this chunk, and none writes the weights or the statistics.
    unsafe fn gather(
        &self,
        model: &Model,
        rows: Rows<'_>,
        samples: Samples<'_>,
        count: usize,
    ) -> Input<'_> {
        // SAFETY: guaranteed by the caller.
        unsafe {
            self.flatten(model, rows, samples, count);
            if model.program.samples.is_some() {
                self.input.gather(model.simd, rows, samples, 0..count);
            }
            if self.images.is_none() {
                self.before(model, count);
            }
            let dense = self.input.dense();
            Input::Dense(dense.view().within(0..dense.blocks(), 0..count))
        }
    }

    /// The flattened images of `count` samples, if there are any.
    ///
    /// # Safety
    /// No other thread uses this chunk, and none writes the weights.
    unsafe fn flatten(&self, model: &Model, rows: Rows<'_>, samples: Samples<'_>, count: usize) {
        let Some((images, buffers)) = model.program.images.as_ref().zip(self.images.as_ref())
        else {
            return;
        };
        let dense = self.input.dense();
        for first in (0..count).step_by(SAMPLES) {
            let count = SAMPLES.min(count - first);
            let source = ImageSource {
                rows,
                samples: samples.after(first),
                count,
            };
            // SAFETY: guaranteed by the caller.
            unsafe {
                let output = dense.view_mut(0..dense.blocks(), first..first + count);
                buffers.infer(model, images, source, output);
            }
        }
    }

    /// The operations before the first layer.
    ///
    /// # Safety
    /// No other thread uses this chunk, and none writes the statistics.
    unsafe fn before(&self, model: &Model, rows: usize) {
        let dense = self.input.dense();
        let partition = Partition {
            blocks: 0..dense.blocks(),
            rows: 0..rows,
        };
        // SAFETY: guaranteed by the caller.
        unsafe {
            let values = dense.view_mut(partition.blocks.clone(), 0..rows);
            forward::before(model, &partition, values, None);
        }
    }

    /// Every layer, and the logits of the last.
    ///
    /// # Safety
    /// No other thread uses this chunk, and none writes the weights.
    unsafe fn layers(&self, model: &Model, input: Input<'_>, rows: usize, logits: &mut [f32]) {
        let value = |value: Value| match value.checked_sub(1) {
            None => input,
            Some(at) => {
                let output = &self.outputs[at];
                // SAFETY: guaranteed by the caller; no layer after this one writes its outputs.
                let view = unsafe { output.view() };
                Input::Dense(view.within(0..output.blocks(), 0..rows))
            }
        };
        for at in 0..model.program.layers.len() {
            let output = &self.outputs[at];
            let partition = Partition {
                blocks: 0..output.blocks(),
                rows: 0..rows,
            };
            // SAFETY: guaranteed by the caller; the operands and `output` are different matrices.
            unsafe {
                let outputs = Outputs {
                    values: output.view_mut(partition.blocks.clone(), 0..rows),
                    derivatives: None,
                    winners: None,
                    masks: None,
                    numbers: &mut [],
                };
                let operand = |operand: &Operand| value(operand.value);
                forward::layer(model, at, &partition, operand, outputs);
            }
        }
        if let Input::Dense(last) = value(model.program.layers.len()) {
            let classes = model.program.outputs;
            for (row, logits) in logits.chunks_exact_mut(classes).enumerate() {
                for (block, logits) in logits.chunks_mut(BLOCK).enumerate() {
                    logits.copy_from_slice(&last.row(block, row)[..logits.len()]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::fused::{Simd, memory::packed, program::Program},
        network::Network,
        prelude::*,
    };

    /// Whether two samples of `INPUTS` features are sparse, `nonzero` of which are not 0.
    fn is_sparse<const INPUTS: usize>(nonzero: usize) -> bool {
        let weights = Weights::<(Linear<INPUTS, 3>,)>::init(1);
        let program = Program::new(&<(Linear<INPUTS, 3>,)>::PLAN, INPUTS);
        let packed = packed::weights(&program, weights.as_slice());
        let model = Model::new(program, Simd::detect(), packed, &weights.running);
        let values: Vec<f32> = (0..2 * INPUTS).map(|at| f32::from(at < nonzero)).collect();
        Chunk::new(&model, true).find_zeros(&model, &values, INPUTS)
    }

    #[test]
    fn samples_of_a_word_or_more_are_sparse_below_the_threshold() {
        assert!(!is_sparse::<63>(0));
        // 45 % of 128 are 57.6, of 140 exactly 63
        assert!(is_sparse::<64>(57) && !is_sparse::<64>(58));
        assert!(is_sparse::<70>(62) && !is_sparse::<70>(63));
    }
}
