//! A prediction: the sample's codes, the steps one after another, and the logits.

use super::{
    each::{look_up, sum, surround},
    lanes::{Kernel, Lanes},
    level::{Level, dispatch},
    pack::{Block, Ends, Instruction, LANES},
    pool::pool,
    product::Product,
    program::{Kind, Value},
    round::Rounding,
};

/// A model: constructed only by `pack::pack`, so that all its parts fit together.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    pub(super) ends: &'a Ends,
    pub(super) instructions: &'a [Instruction],
    pub(super) blocks: &'a [Block],
}

/// A sample and the places of its activations and its logits.
struct Prediction<'a> {
    model: Model<'a>,
    sample: &'a [f32],
    logits: &'a mut [f32],
    arena: &'a mut [u8],
}

/// Computes the logits of `sample`, with the activations in `arena`.
///
/// Not generic, so that it is compiled once, with this crate.
///
/// # Safety
/// The model is that of a network which takes `sample` and gives as many values as `logits` has; `arena` is as long as its program
/// says, or longer.
pub(super) unsafe fn run(
    level: Level,
    model: Model<'_>,
    sample: &[f32],
    logits: &mut [f32],
    arena: &mut [u8],
) {
    dispatch(
        level,
        Prediction {
            model,
            sample,
            logits,
            arena,
        },
    );
}

impl Kernel for Prediction<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Model {
            ends,
            instructions,
            blocks,
        } = self.model;
        let arena = self.arena.as_mut_ptr();
        // SAFETY: the caller of `run` guarantees that the model, the sample, the logits and the arena fit together.
        unsafe {
            encode(ends, blocks, self.sample, arena);
            surround(&ends.input, ends.input_zero, arena);
            for at in instructions {
                let of_step = blocks.as_ptr().wrapping_add(at.block);
                match at.step.kind {
                    Kind::Product | Kind::Logits => {
                        let product = Product {
                            at,
                            weights: of_step,
                            arena,
                            logits: self.logits.as_mut_ptr(),
                        };
                        product.run(lanes);
                    }
                    Kind::Maximum | Kind::Average => pool(at, arena),
                    Kind::Sum => sum(at, arena),
                    Kind::Table => look_up(at, of_step, arena),
                }
                if at.step.kind != Kind::Logits {
                    surround(&at.output, at.output_zero, arena);
                }
            }
            if !ends.has_logits {
                decode(ends, arena, self.logits);
            }
        }
    }
}

/// The index in a sample or in logits, `[channels][rows][columns]`, of each code, `[rows][columns][channels]`; and its place.
#[inline(always)]
fn places(value: &Value) -> impl Iterator<Item = (usize, usize)> {
    let (rows, columns, channels) = (value.rows, value.columns, value.channels);
    let (inside, pitch) = (value.inside(), value.pitch());
    (0..rows).flat_map(move |row| {
        (0..columns).flat_map(move |column| {
            (0..channels).map(move |channel| {
                let index = (channel * rows + row) * columns + column;
                (index, inside + row * pitch + column * channels + channel)
            })
        })
    })
}

/// Writes the codes of a sample.
///
/// # Safety
/// As [`run`].
#[inline(always)]
unsafe fn encode(ends: &Ends, blocks: &[Block], sample: &[f32], arena: *mut u8) {
    let rounding = Rounding::new(ends.input_zero, false);
    let value = &ends.input;
    let code = |x: f32| rounding.code(x * ends.inverse_scale);
    // SAFETY: guaranteed by the caller: the sample has as many values as the input, and the arena has their places; the means are
    // in the first blocks, the inverse deviations in as many after them.
    unsafe {
        if ends.standardizes {
            let half = sample.len().div_ceil(LANES) * LANES;
            let means = blocks.as_ptr().cast::<f32>();
            for (index, at) in places(value) {
                let deviation = *means.wrapping_add(half + index);
                let x = (*sample.get_unchecked(index) - *means.wrapping_add(index)) * deviation;
                *arena.wrapping_add(at) = code(x);
            }
        } else if value.rows * value.columns == 1 || value.channels == 1 {
            // In the order of the sample: rows of contiguous values, which the compiler vectorises.
            let len = value.columns * value.channels;
            for row in 0..value.rows {
                let to = arena.wrapping_add(value.inside() + row * value.pitch());
                let to = core::slice::from_raw_parts_mut(to, len);
                let from = sample.get_unchecked(row * len..(row + 1) * len);
                for (to, &x) in to.iter_mut().zip(from) {
                    *to = code(x);
                }
            }
        } else {
            for (index, at) in places(value) {
                *arena.wrapping_add(at) = code(*sample.get_unchecked(index));
            }
        }
    }
}

/// Writes the logits of the last codes.
///
/// # Safety
/// As [`run`].
#[inline(always)]
unsafe fn decode(ends: &Ends, arena: *const u8, logits: &mut [f32]) {
    for (index, at) in places(&ends.output) {
        // SAFETY: guaranteed by the caller: there are as many logits as codes.
        unsafe {
            let code = i32::from(*arena.wrapping_add(at)) - i32::from(ends.output_zero);
            *logits.get_unchecked_mut(index) = code as f32 * ends.scale;
        }
    }
}
