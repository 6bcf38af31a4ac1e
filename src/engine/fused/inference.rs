//! Logits: of many samples by the whole team, of one on the caller's thread.

use std::{
    cell::RefCell,
    sync::{Mutex, PoisonError},
};

use super::{
    Core,
    bitmap::{self, Uploaded},
    forward::{self, Outputs},
    input::{Input, InputBuffer},
    kernels::{Gather, NotZero, Rows, Samples, Single, SparseBatch, Values, WORD, dispatch},
    lent::{Lent, LentMut},
    matrix::{BLOCK, Matrix, Part},
    program,
    share::{self, Share},
    team::Member,
};

/// How many samples are computed at once: their activations stay in the second-level cache.
const CHUNK: usize = 64;

/// The share of inputs that are not 0 below which only those of a single sample are multiplied.
///
/// One sample reads each weight once, so memory sets the pace, and sparse wins nearly up to 1; the
/// margin is for the rows that are fetched one by one.
const SPARSE_BELOW: f64 = 0.6;

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

/// Room for one sample's activations and bitmap, kept by each thread.
struct Room {
    values: [Vec<f32>; 2],
    bits: Vec<u64>,
}

thread_local! {
    static ROOM: RefCell<Room> = const {
        RefCell::new(Room { values: [Vec::new(), Vec::new()], bits: Vec::new() })
    };
}

/// The logits of one sample.
///
/// # Safety
/// No thread writes the weights until this returns.
pub(super) unsafe fn single(core: &Core, sample: &[f32], logits: &mut [f32]) {
    let program = &core.program;
    ROOM.with_borrow_mut(|room| {
        let widest = program.layers.iter().map(|layer| layer.linear.outputs);
        let widest = widest.chain([program.inputs]).max().unwrap_or(0);
        let padded = widest.next_multiple_of(BLOCK);
        let words = program.inputs.div_ceil(WORD);
        if room.values[0].len() < padded {
            room.values
                .iter_mut()
                .for_each(|values| values.resize(padded, 0.0));
        }
        if room.bits.len() < words {
            room.bits.resize(words, 0);
        }
        let [from, to] = &mut room.values;
        let (mut from, mut to) = (&mut from[..], &mut to[..]);
        let mut at_hand = sample;
        if !program.before.is_empty() || program.layers.is_empty() {
            from[..sample.len()].copy_from_slice(sample);
            row(
                core,
                &program.before,
                &mut from[..sample.len().next_multiple_of(BLOCK)],
            );
            at_hand = &from[..sample.len()];
        }
        let mut bits = None;
        if sample.len() >= WORD && program.before.is_empty() {
            let words = &mut room.bits[..words];
            let count = dispatch(
                core.simd,
                NotZero {
                    values: sample,
                    bits: words,
                },
            );
            bits = ((count as f64) < SPARSE_BELOW * sample.len() as f64).then_some(&*words);
        }
        for (at, layer) in program.layers.iter().enumerate() {
            let single = Single {
                input: at_hand,
                bits: bits.take(),
                // SAFETY: the caller's.
                weights: unsafe { core.weights[at].view() },
                output: to,
                relu: layer.is_relu(),
            };
            dispatch(core.simd, single);
            let outputs = layer.linear.outputs;
            if layer.stores_slopes() {
                row(
                    core,
                    &layer.then,
                    &mut to[..outputs.next_multiple_of(BLOCK)],
                );
            }
            std::mem::swap(&mut from, &mut to);
            at_hand = &from[..outputs];
        }
        logits.copy_from_slice(&at_hand[..logits.len()]);
    });
}

/// Operations on one sample's values, padded to whole blocks, in place; dropout is off.
fn row(core: &Core, chain: &[program::Elementwise], values: &mut [f32]) {
    let share = Share {
        blocks: 0..values.len() / BLOCK,
        rows: 0..1,
    };
    let values = Part::of(values, share.blocks.len(), 1);
    // SAFETY: there are no masks.
    unsafe { forward::elementwise(core, chain, &share, values, None, None) };
}
