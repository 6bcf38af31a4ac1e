//! Logits of many samples, by the whole team.

use std::sync::{Mutex, PoisonError};

use super::{
    Core,
    bitmap::{self, Uploaded},
    forward::{self, Outputs},
    input::{Input, InputBuffer},
    kernels::{Gather, NotZero, Rows, Samples, SparseBatch, Values, WORD, dispatch},
    lent::{Lent, LentMut},
    matrix::{BLOCK, Matrix},
    share::{self, Share},
    team::Member,
};

/// How many samples are computed at once: their activations stay in the second-level cache.
const CHUNK: usize = 64;

/// What the team is to do: logits of samples.
pub(super) struct Job {
    pub(super) source: Source,
    /// `[n, C]` row-major.
    pub(super) logits: LentMut<f32>,
}

/// The samples.
pub(super) enum Source {
    /// Of a data set, by number.
    Numbered(Uploaded, Lent<u32>),
    /// `[n, I]` row-major.
    Features(Lent<f32>),
}

/// Room for a member's chunk of samples.
#[derive(Debug)]
pub(super) struct Chunk {
    input: InputBuffer,
    /// For each layer, `[CHUNK, O]`.
    outputs: Vec<Matrix>,
    bits: Vec<u64>,
}

impl Chunk {
    fn new(core: &Core, is_dense: bool) -> Self {
        let program = &core.program;
        let outputs = program.layers.iter();
        Chunk {
            input: InputBuffer::new(CHUNK, program.inputs, is_dense),
            outputs: outputs
                .map(|layer| Matrix::zeros(CHUNK, layer.linear.outputs))
                .collect(),
            bits: vec![0; CHUNK * program.inputs.div_ceil(WORD)],
        }
    }
}

impl Job {
    /// One member's chunks of the job.
    ///
    /// # Safety
    /// The job's slices are still lent, no thread writes the weights, and no other thread runs the
    /// same job as the same member.
    pub(super) unsafe fn run(&self, core: &Core, member: &Member<'_>, room: &Mutex<Option<Chunk>>) {
        let (width, classes) = (core.program.inputs, core.program.outputs);
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
        let chunk = room.get_or_insert_with(|| Chunk::new(core, is_dense));
        let count = self.logits.len() / classes;
        let mine = share::rows(member, count);
        for first in mine.clone().step_by(CHUNK) {
            let rows = first..mine.end.min(first + CHUNK);
            // SAFETY: the slices are still lent, says the caller; rows are shared out.
            unsafe {
                let logits = self.logits.part(rows.start * classes..rows.end * classes);
                match &self.source {
                    Source::Numbered(data, order) => {
                        let samples = &order.get()[rows.clone()];
                        if is_dense {
                            chunk.input.gather(core.simd, data, samples, 0..rows.len());
                            chunk.before(core, rows.len());
                        }
                        let input = chunk.input.read(data, samples);
                        chunk.layers(core, input, rows.len(), logits);
                    }
                    Source::Features(features) => {
                        let values = &features.get()[rows.start * width..rows.end * width];
                        let sparse =
                            core.program.before.is_empty() && chunk.find_zeros(core, values, width);
                        if sparse {
                            let batch = SparseBatch {
                                features: width,
                                bits: &chunk.bits,
                                values: Values::Floats(values),
                                samples: Samples::From(0),
                            };
                            chunk.layers(core, Input::Sparse(batch, 0), rows.len(), logits);
                        } else {
                            let dense = chunk.input.dense();
                            let gather = Gather {
                                rows: Rows::Floats(values),
                                width,
                                samples: Samples::From(0),
                                output: dense.part(0..dense.blocks(), 0..rows.len()),
                            };
                            dispatch(core.simd, gather);
                            chunk.before(core, rows.len());
                            let view = dense.view().within(0..dense.blocks(), 0..rows.len());
                            chunk.layers(core, Input::Dense(view), rows.len(), logits);
                        }
                    }
                }
            }
        }
    }
}

impl Chunk {
    /// The bitmaps of some samples; whether little enough is not 0 to multiply only that.
    fn find_zeros(&mut self, core: &Core, values: &[f32], width: usize) -> bool {
        if width < WORD {
            return false;
        }
        let bits = self.bits.chunks_exact_mut(width.div_ceil(WORD));
        let counts = values.chunks_exact(width).zip(bits);
        let count: usize = counts
            .map(|(values, bits)| dispatch(core.simd, NotZero { values, bits }))
            .sum();
        (count as f64) < bitmap::SPARSE_BELOW * values.len() as f64
    }

    /// What comes before the first layer.
    ///
    /// # Safety
    /// This chunk is one thread's.
    unsafe fn before(&self, core: &Core, rows: usize) {
        if core.program.before.is_empty() {
            return;
        }
        let dense = self.input.dense();
        let share = Share {
            blocks: 0..dense.blocks(),
            rows: 0..rows,
        };
        // SAFETY: the caller's.
        unsafe {
            let values = dense.part(share.blocks.clone(), 0..rows);
            forward::elementwise(core, &core.program.before, &share, values, None, None);
        }
    }

    /// Every layer, and the logits of the last.
    ///
    /// # Safety
    /// This chunk is one thread's, and no thread writes the weights.
    unsafe fn layers(&self, core: &Core, input: Input<'_>, rows: usize, logits: &mut [f32]) {
        let mut input = input;
        for (at, output) in self.outputs.iter().enumerate() {
            let share = Share {
                blocks: 0..output.blocks(),
                rows: 0..rows,
            };
            // SAFETY: the caller's; `input` is another matrix than `output`.
            unsafe {
                let outputs = Outputs {
                    values: output.part(share.blocks.clone(), 0..rows),
                    slopes: None,
                    masks: None,
                };
                forward::layer(core, at, &share, input, outputs);
                input = Input::Dense(output.view().within(share.blocks, 0..rows));
            }
        }
        if let Input::Dense(last) = input {
            let classes = core.program.outputs;
            for (row, logits) in logits.chunks_exact_mut(classes).enumerate() {
                for (block, logits) in logits.chunks_mut(BLOCK).enumerate() {
                    logits.copy_from_slice(&last.row(block, row)[..logits.len()]);
                }
            }
        }
    }
}
