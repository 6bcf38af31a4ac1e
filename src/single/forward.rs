//! The forward pass of one sample through the plan.
//!
//! The plan is a constant, so each step is monomorphised for its widths, and no step is dispatched at run time.

use core::{marker::PhantomData, mem::MaybeUninit, num::NonZeroUsize};

use super::{
    activation::activate,
    columns::padded,
    held::{Term, add},
    image::{Convolution, add_border, average, convolve, maximum, transpose},
    lanes::{Kernel, Lanes, Level, dispatch},
    layer_norm::normalize_sample,
    matrix::Matrix,
    norm::normalize,
    prelu::prelu,
    route::{At, End},
    step::{Norms, OnStackOf, RouteOf, StepOf},
};
use crate::{
    network::Network,
    plan::{Op, Plan},
};

/// The weights of a [`Frozen`](crate::frozen::Frozen): either embedded in the program or borrowed from bytes.
pub trait Values: Sealed {}

/// Seals [`Values`].
pub trait Sealed {
    /// Whether batch normalisations are [`Folded`] or [`Kept`].
    #[doc(hidden)]
    type Norms: Norms;

    /// The weight and the bias of a layer.
    ///
    /// # Safety
    /// The values are those of a plan with a layer that has parameters at `at`.
    #[doc(hidden)]
    unsafe fn matrix(&self, at: &At) -> impl Matrix;

    /// The factor and the term of a batch normalisation for a channel.
    ///
    /// # Safety
    /// The values are those of a plan with a batch normalisation at `at`, which has this channel.
    #[doc(hidden)]
    unsafe fn norm(&self, at: &At, channel: usize) -> [f32; 2];

    /// Whether zero inputs may be skipped where it [pays](super::route::seeks_zeros): all weights there are finite.
    #[doc(hidden)]
    fn skips_zeros(&self) -> bool;

    /// One activation of the first `len` values, in place; `padded` has whole blocks of 16.
    #[doc(hidden)]
    #[inline(always)]
    fn activate(&self, op: Op, padded: &mut [f32], len: usize) {
        activate(op, padded.split_at_mut_checked(len).unwrap_or_default().0);
    }
}

/// The logits of `sample`, with the activations on the stack.
///
/// It compiles for every network, even in a branch that is never taken; for one that does not fit, it does nothing.
///
/// # Safety
/// The network [fits the stack](fits_the_stack), `values` are those of `N`, `sample` is `[I]` and `logits` is `[O]`.
#[inline]
pub(crate) unsafe fn forward<N: Network, V: Values>(
    values: &V,
    level: Level,
    sample: &[f32],
    logits: &mut [f32],
) {
    macro_rules! on_the_stack {
        ($($least:literal $most:literal)*) => {$(
            if OnStackOf::<N, $least, $most>::FITS {
                let pass = OnStack::<N, V, $most>(ForwardPass {
                    values,
                    sample,
                    logits: &mut *logits,
                    network: PhantomData,
                });
                dispatch(level, pass);
            }
        )*};
    }
    on_the_stack!(
        0 16  16 32  32 48  48 64  64 96  96 128  128 192  192 256  256 384  384 512  512 768  768 1024
        1024 1536  1536 2048  2048 3072  3072 4096  4096 6144  6144 8192  8192 12288  12288 16384
        16384 24576  24576 32768  32768 49152  49152 65536  65536 98304  98304 131072
    );
}

/// As [`forward`], with the activations in `arena`.
///
/// # Safety
/// As [`forward`], but instead of fitting the stack, the network fits `L` values, the [`arena`] of `N` or more.
#[inline]
pub(crate) unsafe fn forward_in<N: Network, V: Values, const L: usize>(
    values: &V,
    level: Level,
    sample: &[f32],
    logits: &mut [f32],
    arena: &mut [f32; L],
) {
    let pass = ForwardPass {
        values,
        sample,
        logits,
        network: PhantomData,
    };
    dispatch(level, InBuffer::<N, V, L> { pass, arena });
}

/// A forward pass with an arena of `W` values on the stack, those of `N` or more.
struct OnStack<'a, N, V, const W: usize>(ForwardPass<'a, N, V>);

/// Activations, aligned to the widest vector.
#[repr(C, align(64))]
struct Aligned<const W: usize>([f32; W]);

impl<N: Network, V: Values, const W: usize> Kernel for OnStack<'_, N, V, W> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        // As zero bytes in place: unoptimised, an array is built from copies, which overflow a thread's stack.
        let mut arena = MaybeUninit::<Aligned<W>>::uninit();
        // SAFETY: an `Aligned` of zero bytes is one of zeros.
        let arena = unsafe {
            arena.as_mut_ptr().write_bytes(0, 1);
            arena.assume_init_mut()
        };
        self.0.run(lanes, &mut arena.0);
    }
}

/// A forward pass with the caller's arena.
struct InBuffer<'a, N, V, const W: usize> {
    pass: ForwardPass<'a, N, V>,
    arena: &'a mut [f32; W],
}

impl<N: Network, V: Values, const W: usize> Kernel for InBuffer<'_, N, V, W> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        self.pass.run(lanes, self.arena);
    }
}

/// The steps in groups of 16, of which only those that the plan reaches are compiled, and of these only the steps that do
/// something.
macro_rules! groups {
    ($($name:ident: $first:literal $($index:literal)*;)*) => {
        impl<N: Network, V: Values> ForwardPass<'_, N, V> {
            #[inline(always)]
            fn steps<L: Lanes>(&self, lanes: L, arena: &mut [f32]) {
                const { assert!(Plan::CAPACITY == [$($first, $($index),*),*].len()) };
                $(if StepOf::<N, V::Norms, $first>::EXISTS {
                    self.$name(lanes, arena);
                })*
            }

            $(#[inline(always)]
            fn $name<L: Lanes>(&self, lanes: L, arena: &mut [f32]) {
                groups!(@steps self lanes arena $first $($index)*);
            })*
        }
    };
    (@steps $self:ident $lanes:ident $arena:ident $($index:literal)*) => {
        $(if StepOf::<N, V::Norms, $index>::RUNS {
            $self.step::<L, $index>($lanes, $arena);
        })*
    };
}
groups! {
    steps_0: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15;
    steps_16: 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31;
    steps_32: 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47;
    steps_48: 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63;
    steps_64: 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79;
    steps_80: 80 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95;
    steps_96: 96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 111;
    steps_112: 112 113 114 115 116 117 118 119 120 121 122 123 124 125 126 127;
}

/// Constructed only by [`forward`] and [`forward_in`], whose preconditions hold.
struct ForwardPass<'a, N, V> {
    values: &'a V,
    sample: &'a [f32],
    logits: &'a mut [f32],
    network: PhantomData<fn() -> N>,
}

impl<N: Network, V: Values> ForwardPass<'_, N, V> {
    #[inline(always)]
    fn run<L: Lanes, const W: usize>(self, lanes: L, arena: &mut [f32; W]) {
        self.steps(lanes, arena);
        let at = RouteOf::<N, V::Norms>::END;
        // SAFETY: the arena has room for the last values, of which there are as many as logits.
        unsafe {
            let last = match at.reads_sample {
                true => self.sample,
                false => {
                    let (ends_part, _) = self.parts(arena);
                    ends(ends_part, at.end, at.inputs(), 0).0
                }
            };
            match at.is_in_order() {
                true => copy(last, self.logits),
                false => transpose([at.positions, at.channels], last, self.logits),
            }
        }
    }

    /// Step `K` of the plan, which is not skipped.
    #[inline(always)]
    fn step<L: Lanes, const K: usize>(&self, lanes: L, arena: &mut [f32]) {
        let at = StepOf::<N, V::Norms, K>::AT;
        // SAFETY: the arena is as long as the route says, so it has room for the input and the output of each step and for
        // the copies, and the values are those of `N`, as guaranteed to `forward`. The types fix the sample's length.
        unsafe {
            let (ends_part, copies) = self.parts(arena);
            if StepOf::<N, V::Norms, K>::TAKES
                && let Some(held) = at.takes
            {
                let (input, _) = ends(ends_part, at.end, at.inputs(), 0);
                copy(copies.get_unchecked(held.start..), input);
            }
            if StepOf::<N, V::Norms, K>::COMPUTES {
                self.compute::<L, K>(lanes, ends_part, copies);
            }
            if StepOf::<N, V::Norms, K>::HOLDS
                && let Some(held) = at.holds
            {
                let output: &[f32] = match at.output {
                    None => self.sample,
                    Some(end) => ends(ends_part, end, at.step.outputs, 0).0,
                };
                let output = output.get_unchecked(..at.step.outputs);
                copy(output, copies.get_unchecked_mut(held.start..));
            }
        }
    }

    /// The operation of step `K`.
    ///
    /// # Safety
    /// As in [`ForwardPass::step`]: `arena` has room for the input and the output, `copies` those that the step reads.
    #[inline(always)]
    unsafe fn compute<L: Lanes, const K: usize>(
        &self,
        lanes: L,
        arena: &mut [f32],
        copies: &[f32],
    ) {
        let at = StepOf::<N, V::Norms, K>::AT;
        // SAFETY: guaranteed by the caller.
        unsafe {
            if StepOf::<N, V::Norms, K>::IS_LINEAR {
                let (input, output) = self.places(&at, arena);
                let sparse = at.seeks_zeros && self.values.skips_zeros();
                let matrix = self.values.matrix(&at);
                let input = input.get_unchecked(..at.step.inputs);
                matrix.product(lanes, input, output, sparse, at.relu);
            } else if StepOf::<N, V::Norms, K>::IS_CONVOLUTION {
                let Op::Conv2d(window) = at.step.op else {
                    return;
                };
                let (input, output) = self.places(&at, arena);
                let convolution = Convolution {
                    window,
                    channels_first: at.channels_first,
                    lanes_are_columns: at.lanes_are_columns,
                    relu: at.relu,
                };
                convolve(lanes, convolution, self.values.matrix(&at), input, output);
            } else if StepOf::<N, V::Norms, K>::IS_POOLING {
                let (input, output) = self.places(&at, arena);
                let by_channel = at.channels_first && !at.is_transposed();
                match at.step.op {
                    Op::MaxPool2d(window) => maximum(lanes, &window, by_channel, input, output),
                    Op::AvgPool2d(window) => average(lanes, &window, by_channel, input, output),
                    _ => {}
                }
            } else if StepOf::<N, V::Norms, K>::IS_FLATTEN {
                let (input, output) = ends(arena, at.end, at.inputs(), at.step.outputs);
                transpose([at.positions, at.channels], input, output);
            } else if StepOf::<N, V::Norms, K>::IS_CONCAT {
                let parts = &StepOf::<N, V::Norms, K>::PARTS;
                let (output, _) = ends(arena, at.end, at.step.outputs, 0);
                let output = output.get_unchecked_mut(..at.step.outputs);
                for part in parts.as_slice() {
                    let input = match part.is_sample {
                        true => self.sample,
                        false => copies.get_unchecked(part.held.start..),
                    };
                    parts.copy(part, input, output);
                }
            } else {
                let (values, _) = ends(arena, at.end, at.step.outputs, 0);
                if at.reads_sample {
                    copy(self.sample, values);
                }
                if StepOf::<N, V::Norms, K>::IS_SUM {
                    if let Some(term) = at.term {
                        self.add(&at, term, values, copies);
                    }
                } else if StepOf::<N, V::Norms, K>::IS_PRELU {
                    let Op::PRelu { slopes } = at.step.op else {
                        return;
                    };
                    let values = values.get_unchecked_mut(..at.step.outputs);
                    if let Some(slopes) = NonZeroUsize::new(slopes) {
                        let slopes_last = !at.is_in_order();
                        let matrix = self.values.matrix(&at);
                        prelu(values, slopes, slopes_last, at.relu, |slope| {
                            matrix.weight(0, slope)
                        });
                    }
                } else if StepOf::<N, V::Norms, K>::IS_LAYER_NORM {
                    let values = values.get_unchecked_mut(..at.step.outputs);
                    let order = match at.is_in_order() {
                        true => [1, at.step.outputs],
                        false => [at.positions, at.channels],
                    };
                    normalize_sample(values, order, self.values.matrix(&at), at.relu);
                } else if StepOf::<N, V::Norms, K>::IS_NORM {
                    let Op::BatchNorm { channels } = at.step.op else {
                        return;
                    };
                    let values = values.get_unchecked_mut(..at.step.outputs);
                    if let Some(channels) = NonZeroUsize::new(channels) {
                        let channels_last = !at.is_in_order();
                        normalize(values, channels, channels_last, at.relu, |channel| {
                            self.values.norm(&at, channel)
                        });
                    }
                } else {
                    self.values.activate(at.step.op, values, at.step.outputs);
                }
            }
        }
    }

    /// Adds the second term of a sum to the first.
    ///
    /// # Safety
    /// There are as many values as the step has outputs, and the copies have the term.
    #[inline(always)]
    unsafe fn add(&self, at: &At, term: Term, values: &mut [f32], copies: &[f32]) {
        let len = at.step.outputs;
        // SAFETY: guaranteed by the caller; the types fix the sample's length.
        let (values, term, channels_first) = unsafe {
            let values = values.get_unchecked_mut(..len);
            match term {
                Term::Same => return values.iter_mut().for_each(|value| *value += *value),
                Term::Sample => (values, self.sample, true),
                Term::Held(held) => {
                    let copy = copies.get_unchecked(held.start..held.start + len);
                    (values, copy, held.channels_first)
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

    /// The part of the arena with two ends, and that with copies.
    ///
    /// # Safety
    /// The arena is as long as the route says.
    #[inline(always)]
    unsafe fn parts<'a>(&self, arena: &'a mut [f32]) -> (&'a mut [f32], &'a mut [f32]) {
        let copies = RouteOf::<N, V::Norms>::COPIES;
        // SAFETY: guaranteed by the caller.
        unsafe { arena.split_at_mut_unchecked(arena.len() - copies) }
    }

    /// The input of a step, moved if the step needs it, and the place of its output.
    ///
    /// # Safety
    /// The arena has room for both.
    #[inline(always)]
    unsafe fn places<'a>(&'a self, at: &At, arena: &'a mut [f32]) -> (&'a [f32], &'a mut [f32]) {
        let (end, inputs, outputs) = (at.end, at.inputs(), at.step.outputs);
        // SAFETY: guaranteed by the caller; the types fix the sample's length.
        unsafe {
            let moved = match at.step.op {
                Op::Conv2d(_) if at.bordered() > 0 => at.bordered(),
                _ if at.is_transposed() => inputs,
                _ if at.reads_sample => {
                    let (output, _) = ends(arena, end.other(), outputs, 0);
                    return (self.sample, output);
                }
                _ => {
                    let (input, output) = ends(arena, end, inputs, outputs);
                    return (input, output);
                }
            };
            let (here, there) = match at.reads_sample {
                true => (self.sample, ends(arena, end.other(), moved, 0).0),
                false => {
                    let (here, there) = ends(arena, end, inputs, moved);
                    (&*here, there)
                }
            };
            match at.step.op {
                Op::Conv2d(window) => add_border(&window, at.channels_first, here, there),
                _ => transpose([at.channels, at.positions], here, there),
            }
            let (input, output) = ends(arena, end.other(), moved, outputs);
            (input, output)
        }
    }
}

/// The parts of the arena for `here` values at one end and `there` values at the other, in whole blocks.
///
/// # Safety
/// The arena has room for both.
#[inline(always)]
unsafe fn ends(arena: &mut [f32], end: End, here: usize, there: usize) -> (&mut [f32], &mut [f32]) {
    let (here, there) = (padded(here), padded(there));
    debug_assert!(here + there <= arena.len());
    // SAFETY: guaranteed by the caller.
    unsafe {
        match end {
            End::First => {
                let (here, rest) = arena.split_at_mut_unchecked(here);
                let between = rest.len() - there;
                (here, rest.get_unchecked_mut(between..))
            }
            End::Last => {
                let before = arena.len() - here;
                let (rest, here) = arena.split_at_mut_unchecked(before);
                (here, rest.get_unchecked_mut(..there))
            }
        }
    }
}

#[inline(always)]
fn copy(from: &[f32], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
