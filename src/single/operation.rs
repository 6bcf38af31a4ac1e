//! The operation of a step.

use core::{marker::PhantomData, num::NonZeroUsize};

use super::{
    activation::{Code, code},
    arena::{copy, ends, ends_and_between},
    embedding::{embed, embed_bag, embed_tokens},
    held::{Term, add},
    image::{Convolution, add_border, average, convolve, maximum, transpose, winograd},
    lanes::Lanes,
    layer_norm::normalize_sample,
    matrix::Matrix,
    norm::normalize,
    prelu::prelu,
    route::{At, End},
    step::StepOf,
    values::Values,
};
use crate::{network::Network, plan::Op, token::index_of};

/// What an operation reads and writes.
pub(super) struct Operands<'a, V, L> {
    pub(super) values: &'a V,
    pub(super) sample: &'a [f32],
    pub(super) lanes: L,
    /// The part of the arena with two ends.
    pub(super) arena: &'a mut [f32],
    pub(super) copies: &'a [f32],
}

/// The code of the operation of step `K`: a constant function pointer, as the [steps](super::steps) are.
struct OperationOf<N, V, L, const K: usize>(PhantomData<(N, V, L)>);

impl<N: Network, V: Values, L: Lanes, const K: usize> OperationOf<N, V, L, K> {
    const CODE: unsafe fn(Operands<'_, V, L>) = {
        let at = StepOf::<N, V::Norms, K>::AT;
        match at.step.op {
            _ if at.is_idle => nothing,
            Op::Linear => linear::<N, V, L, K>,
            Op::Conv2d(_) => convolution::<N, V, L, K>,
            Op::MaxPool2d(_) | Op::AvgPool2d(_) => pooling::<N, V, L, K>,
            Op::Flatten => flatten::<N, V, L, K>,
            Op::Concat { .. } => concat::<N, V, L, K>,
            Op::Add { .. } => sum::<N, V, L, K>,
            Op::OneHot => one_hot::<N, V, L, K>,
            Op::Narrow { .. } => narrow::<N, V, L, K>,
            Op::Dot { .. } => dot::<N, V, L, K>,
            Op::PRelu { .. } => slopes::<N, V, L, K>,
            Op::LayerNorm { .. } => layer_norm::<N, V, L, K>,
            Op::BatchNorm { .. } => batch_norm::<N, V, L, K>,
            Op::Standardize => standardize::<N, V, L, K>,
            Op::Embedding { .. } | Op::TokenEmbedding { .. } | Op::EmbeddingBag { .. } => {
                embedding::<N, V, L, K>
            }
            _ => activation::<N, V, L, K>,
        }
    };
    const ACTIVATION: Code<L> = code(StepOf::<N, V::Norms, K>::AT.step.op);
}

/// Runs the operation of step `K`.
///
/// # Safety
/// The values are those of `N`, the arena has room for the input and the output, and the copies are those that the step reads.
#[inline(always)]
pub(super) unsafe fn operation<N: Network, V: Values, L: Lanes, const K: usize>(
    on: Operands<'_, V, L>,
) {
    // SAFETY: guaranteed by the caller.
    unsafe { OperationOf::<N, V, L, K>::CODE(on) }
}

#[inline(always)]
fn nothing<V, L>(_: Operands<'_, V, L>) {}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn linear<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let (input, output) = places(on.sample, &at, on.arena);
        let sparse = at.seeks_zeros && on.values.skips_zeros();
        let input = input.get_unchecked(..at.step.inputs);
        let matrix = on.values.matrix(&at);
        matrix.product(on.lanes, input, output, sparse, at.relu);
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn convolution<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let Op::Conv2d(window) = at.step.op else {
            return;
        };
        let Places {
            input,
            output,
            scratch,
        } = Places::of(on.sample, &at, on.arena);
        let matrix = on.values.matrix(&at);
        if at.is_winograd {
            return winograd(on.lanes, window, at.relu, matrix, input, scratch, output);
        }
        let convolution = Convolution {
            window,
            channels_first: at.channels_first,
            lanes_are_columns: at.lanes_are_columns,
            relu: at.relu,
        };
        convolve(on.lanes, convolution, matrix, input, output);
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn pooling<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let (input, output) = places(on.sample, &at, on.arena);
        let by_channel = at.channels_first && !at.is_transposed();
        match at.step.op {
            Op::MaxPool2d(window) => maximum(on.lanes, &window, by_channel, input, output),
            Op::AvgPool2d(window) => average(on.lanes, &window, by_channel, input, output),
            _ => {}
        }
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn flatten<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let (input, output) = ends(on.arena, at.end, at.inputs(), at.step.outputs);
        transpose([at.positions, at.channels], input, output);
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn concat<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let parts = &StepOf::<N, V::Norms, K>::PARTS;
        let (output, _) = ends(on.arena, at.end, at.step.outputs, 0);
        let output = output.get_unchecked_mut(..at.step.outputs);
        for part in parts.as_slice() {
            let input = match part.is_sample {
                true => on.sample,
                false => on.copies.get_unchecked(part.held.start..),
            };
            parts.copy(part, input, output);
        }
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn sum<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let values = in_place(on.sample, &at, on.arena).get_unchecked_mut(..at.step.outputs);
        if let Some(term) = at.term {
            add_term(&at, term, on.sample, on.copies, values);
        }
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn one_hot<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    let (input, output) = unsafe { places(on.sample, &at, on.arena) };
    let token = input
        .first()
        .map_or(0, |&token| index_of(token, at.step.outputs));
    output.fill(0.0);
    if let Some(value) = output.get_mut(token) {
        *value = 1.0;
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn narrow<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let (input, output) = places(on.sample, &at, on.arena);
        if let Op::Narrow { start } = at.step.op {
            let part = input.get_unchecked(start..start + at.step.outputs);
            copy(part, output);
        }
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn dot<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let (input, output) = places(on.sample, &at, on.arena);
        let input = input.get_unchecked(..at.step.inputs);
        let term = match at.term {
            Some(Term::Sample) => on.sample,
            Some(Term::Held(held)) => on.copies.get_unchecked(held.start..),
            Some(Term::Same) | None => input,
        };
        *output.get_unchecked_mut(0) = input.iter().zip(term).map(|(x, z)| x * z).sum();
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn slopes<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let values = in_place(on.sample, &at, on.arena).get_unchecked_mut(..at.step.outputs);
        let Op::PRelu { slopes } = at.step.op else {
            return;
        };
        if let Some(slopes) = NonZeroUsize::new(slopes) {
            let slopes_last = !at.is_in_order();
            let matrix = on.values.matrix(&at);
            prelu(values, slopes, slopes_last, at.relu, |slope| {
                matrix.weight(0, slope)
            });
        }
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn layer_norm<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let values = in_place(on.sample, &at, on.arena).get_unchecked_mut(..at.step.outputs);
        let order = match at.is_in_order() {
            true => [1, at.step.outputs],
            false => [at.positions, at.channels],
        };
        normalize_sample(values, order, on.values.matrix(&at), at.relu);
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn batch_norm<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let values = in_place(on.sample, &at, on.arena).get_unchecked_mut(..at.step.outputs);
        let Op::BatchNorm { channels } = at.step.op else {
            return;
        };
        if let Some(channels) = NonZeroUsize::new(channels) {
            let channels_last = !at.is_in_order();
            normalize(values, channels, channels_last, at.relu, |channel| {
                on.values.norm(&at, channel)
            });
        }
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn standardize<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let values = in_place(on.sample, &at, on.arena).get_unchecked_mut(..at.step.outputs);
        for (feature, value) in values.iter_mut().enumerate() {
            let [mean, deviation] = on.values.moments(&at, feature);
            let y = (*value - mean) / deviation;
            *value = if at.relu && y < 0.0 { 0.0 } else { y };
        }
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn embedding<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let (input, output) = places(on.sample, &at, on.arena);
        let input = input.get_unchecked(..at.step.inputs);
        let [_, vocabulary] = at.matrix;
        // the index is below the vocabulary, and there are whole blocks of outputs
        let row = |token, output| on.values.row(&at, index_of(token, vocabulary), output);
        match at.step.op {
            Op::EmbeddingBag { pooling, .. } => {
                embed_bag(input, row, pooling, at.relu, output);
            }
            Op::TokenEmbedding { .. } => {
                let output = output.get_unchecked_mut(..at.step.outputs);
                embed_tokens(input, row, at.relu, output);
            }
            _ => embed(input, row, at.relu, output),
        }
    }
}

/// # Safety
/// As [`operation`].
#[inline(always)]
unsafe fn activation<N: Network, V: Values, L: Lanes, const K: usize>(on: Operands<'_, V, L>) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: guaranteed by the caller.
    unsafe {
        let blocks = in_place(on.sample, &at, on.arena);
        let code = OperationOf::<N, V, L, K>::ACTIVATION;
        on.values.activate(on.lanes, at.step.op, code, blocks);
    }
}

/// The values of a step that works in place, in whole blocks, with the sample copied there if that is its input.
///
/// # Safety
/// The arena has room for them.
#[inline(always)]
unsafe fn in_place<'a>(sample: &[f32], at: &At, arena: &'a mut [f32]) -> &'a mut [f32] {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let (values, _) = ends(arena, at.end, at.step.outputs, 0);
        if at.reads_sample {
            copy(sample, values);
        }
        values
    }
}

/// Adds the second term of a sum to the first.
///
/// # Safety
/// There are as many values as the step has outputs, and the copies have the term.
#[inline(always)]
unsafe fn add_term(at: &At, term: Term, sample: &[f32], copies: &[f32], values: &mut [f32]) {
    // SAFETY: guaranteed by the caller; the types fix the sample's length.
    let (term, channels_first) = unsafe {
        match term {
            Term::Same => return values.iter_mut().for_each(|value| *value += *value),
            Term::Sample => (sample, true),
            Term::Held(held) => {
                let copy = copies.get_unchecked(held.start..held.start + values.len());
                (copy, held.channels_first)
            }
        }
    };
    let matrix = match at.channels_first {
        true => [at.channels, at.positions],
        false => [at.positions, at.channels],
    };
    let is_matrix = at.channels > 1 && at.positions > 1;
    add(
        values,
        term,
        matrix,
        is_matrix && channels_first != at.channels_first,
    );
}

/// The input of a step, moved if the step needs it, and the place of its output.
///
/// # Safety
/// The arena has room for both.
#[inline(always)]
unsafe fn places<'a>(
    sample: &'a [f32],
    at: &At,
    arena: &'a mut [f32],
) -> (&'a [f32], &'a mut [f32]) {
    // SAFETY: guaranteed by the caller.
    let Places { input, output, .. } = unsafe { Places::of(sample, at, arena) };
    (input, output)
}

/// What a step reads and writes.
struct Places<'a> {
    /// Moved if the step needs it.
    input: &'a [f32],
    output: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl<'a> Places<'a> {
    /// # Safety
    /// The arena has room for all.
    #[inline(always)]
    unsafe fn of(sample: &'a [f32], at: &At, arena: &'a mut [f32]) -> Self {
        let (end, inputs, outputs) = (at.end, at.inputs(), at.step.outputs);
        // SAFETY: guaranteed by the caller; the types fix the sample's length.
        unsafe {
            let moved = match at.step.op {
                Op::Conv2d(_) if at.bordered() > 0 => at.bordered(),
                _ if at.is_transposed() => inputs,
                _ if at.reads_sample => {
                    let (output, _) = ends(arena, end.other(), outputs, 0);
                    return Places {
                        input: sample,
                        output,
                        scratch: &mut [],
                    };
                }
                _ => return Places::in_arena(arena, end, [inputs, outputs, at.scratch()]),
            };
            let (here, there) = match at.reads_sample {
                true => (sample, ends(arena, end.other(), moved, 0).0),
                false => {
                    let (here, there) = ends(arena, end, inputs, moved);
                    (&*here, there)
                }
            };
            match at.step.op {
                Op::Conv2d(window) => add_border(&window, at.channels_first, here, there),
                _ => transpose([at.channels, at.positions], here, there),
            }
            Places::in_arena(arena, end.other(), [moved, outputs, at.scratch()])
        }
    }

    /// The input at one end of the arena, the output at the other, the scratch between them.
    ///
    /// # Safety
    /// The arena has room for all.
    #[inline(always)]
    unsafe fn in_arena(
        arena: &'a mut [f32],
        end: End,
        [inputs, outputs, scratch]: [usize; 3],
    ) -> Self {
        // SAFETY: guaranteed by the caller.
        let [input, output, scratch] =
            unsafe { ends_and_between(arena, end, inputs, outputs, scratch) };
        Places {
            input,
            output,
            scratch,
        }
    }
}
