//! The forward pass of one sample through the plan, with activations on the stack.
//!
//! The plan is a constant, so each step is monomorphised for its widths, and no step is dispatched at run time.

use core::{marker::PhantomData, mem::MaybeUninit};

use super::{
    activation::activate,
    columns::{BLOCK, Columns},
    lanes::{Kernel, Lanes, Level, dispatch},
};
use crate::{
    network::Network,
    plan::{Op, Plan, Step},
};

/// The weights of a [`Frozen`](crate::frozen::Frozen): either embedded in the program or borrowed from bytes.
pub trait Values: Sealed {}

/// Seals [`Values`].
pub trait Sealed {
    /// One layer: `output = W input + b`, then ReLU where it follows.
    ///
    /// # Safety
    /// The values are those of a plan with a `Linear` at `at`; `input` is `[I]`, `output` has room for
    /// `16 ceil(O / 16)` values.
    #[doc(hidden)]
    unsafe fn product<L: Lanes>(&self, lanes: L, at: &At, input: &[f32], output: &mut [f32]);

    /// One activation of the first `len` values, in place; `padded` has whole blocks of 16.
    #[doc(hidden)]
    #[inline(always)]
    fn activate(&self, op: Op, padded: &mut [f32], len: usize) {
        activate(op, padded.split_at_mut_checked(len).unwrap_or_default().0);
    }
}

/// The maximum width of a layer whose activations are kept on the stack.
pub(crate) const MAX_WIDTH: usize = 1 << 16;

/// Whether [`forward`] supports this plan.
pub(crate) const fn fits_the_stack(plan: &Plan) -> bool {
    widest(plan) <= MAX_WIDTH
}

/// The logits of `sample`.
///
/// It compiles for every plan, even in a branch that is never taken; for a plan that does not fit, it does nothing.
///
/// # Safety
/// The plan [fits the stack](fits_the_stack), `values` are those of `N`, `sample` is `[I]` and `logits` is `[O]`.
#[inline]
pub(crate) unsafe fn forward<N: Network, V: Values>(
    values: &V,
    level: Level,
    sample: &[f32],
    logits: &mut [f32],
) {
    macro_rules! on_the_stack {
        ($($most:literal)*) => {$(
            if const { Route::<N>::WIDTH == $most } {
                let pass = ForwardPass::<N, V, $most> {
                    values,
                    sample,
                    logits: &mut *logits,
                    network: PhantomData,
                };
                dispatch(level, pass);
            }
        )*};
    }
    on_the_stack!(16 32 64 128 256 512 1024 2048 4096 8192 16384 32768 65536);
}

/// The forward pass with activations of at most `W` values, a multiple of 16.
///
/// Constructed only by [`forward`], whose preconditions hold.
struct ForwardPass<'a, N, V, const W: usize> {
    values: &'a V,
    sample: &'a [f32],
    logits: &'a mut [f32],
    network: PhantomData<fn() -> N>,
}

/// Activations, aligned to the widest vector.
#[repr(C, align(64))]
struct Buffer<const W: usize>([f32; W]);

impl<N: Network, V: Values, const W: usize> Kernel for ForwardPass<'_, N, V, W> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        // As zero bytes in place: unoptimised, an array of arrays is built from copies, which overflow a thread's stack.
        let mut buffers = MaybeUninit::<[Buffer<W>; 2]>::uninit();
        // SAFETY: a `Buffer` of zero bytes is one of zeros.
        let buffers = unsafe {
            buffers.as_mut_ptr().write_bytes(0, 1);
            buffers.assume_init_mut()
        };
        macro_rules! steps {
            ($($index:literal)*) => {
                const { assert!(Plan::CAPACITY == [$($index),*].len()) };
                // Steps that do nothing are not compiled.
                $(if const { !Route::<N>::AT[$index].is_idle } {
                    self.step::<L, $index>(lanes, buffers);
                })*
            };
        }
        steps!(
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
            32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
        );
        let end = const { Route::<N>::AT[Plan::CAPACITY] };
        let last = if end.reads_sample {
            self.sample
        } else {
            &buffers[end.buffer].0
        };
        for (logit, value) in self.logits.iter_mut().zip(last) {
            *logit = *value;
        }
    }
}

impl<N: Network, V: Values, const W: usize> ForwardPass<'_, N, V, W> {
    /// Step `K` of the plan, which does something.
    #[inline(always)]
    fn step<L: Lanes, const K: usize>(&self, lanes: L, buffers: &mut [Buffer<W>; 2]) {
        let at = const { Route::<N>::AT[K] };
        let [first, second] = buffers;
        let (here, there) = match at.buffer {
            0 => (first, second),
            _ => (second, first),
        };
        let blocks = at.step.outputs.next_multiple_of(BLOCK);
        if const { matches!(Route::<N>::AT[K].step.op, Op::Linear) } {
            // SAFETY: no step is wider than `W`, a multiple of 16, and the values are those of `N`, as guaranteed to
            // `forward`.
            unsafe {
                let input = if at.reads_sample {
                    self.sample
                } else {
                    here.0.get_unchecked(..at.step.inputs)
                };
                let output = there.0.get_unchecked_mut(..blocks);
                self.values.product(lanes, &at, input, output);
            }
        } else {
            if at.reads_sample {
                for (value, input) in here.0.iter_mut().zip(self.sample) {
                    *value = *input;
                }
            }
            // SAFETY: as above.
            let values = unsafe { here.0.get_unchecked_mut(..blocks) };
            self.values.activate(at.step.op, values, at.step.outputs);
        }
    }
}

/// A step of a plan, and how the forward pass runs it.
#[derive(Clone, Copy, Debug)]
pub struct At {
    pub(crate) step: Step,
    /// Nothing to do: past the end of the plan, dropout, or a ReLU fused into the product before it.
    is_idle: bool,
    /// Whether ReLU follows.
    pub(crate) relu: bool,
    /// Whether the step's input is the sample itself.
    pub(crate) reads_sample: bool,
    /// Which of the two buffers has the input, if it is not the sample.
    buffer: usize,
    /// The layer's number among those with parameters.
    pub(crate) ordinal: usize,
    /// The index of the layer's first row of 16 values.
    pub(crate) block: usize,
}

/// The steps of a network's plan, resolved at compile time.
struct Route<N>(PhantomData<fn() -> N>);

impl<N: Network> Route<N> {
    /// The steps, then the end.
    const AT: [At; Plan::CAPACITY + 1] = route(&N::PLAN);
    /// The size of a buffer for its activations: a power of two, 16 or more.
    const WIDTH: usize = {
        let widest = widest(&N::PLAN);
        if widest < BLOCK {
            BLOCK
        } else {
            widest.next_power_of_two()
        }
    };
}

const fn route(plan: &Plan) -> [At; Plan::CAPACITY + 1] {
    let steps = plan.steps();
    let nothing = Step {
        op: Op::Relu,
        inputs: 0,
        outputs: 0,
        offset: 0,
    };
    let mut here = At {
        step: nothing,
        is_idle: true,
        relu: false,
        reads_sample: true,
        buffer: 0,
        ordinal: 0,
        block: 0,
    };
    let mut route = [here; Plan::CAPACITY + 1];
    let mut i = 0;
    while i < steps.len() {
        let step = steps[i];
        let is_linear = matches!(step.op, Op::Linear);
        let is_relu = matches!(step.op, Op::Relu);
        let is_applied = is_relu && i > 0 && matches!(steps[i - 1].op, Op::Linear);
        let is_idle = is_applied || matches!(step.op, Op::Dropout { .. });
        route[i] = At {
            step,
            is_idle,
            relu: i + 1 < steps.len() && matches!(steps[i + 1].op, Op::Relu),
            ..here
        };
        here.reads_sample = here.reads_sample && is_idle;
        if is_linear {
            here.buffer = 1 - here.buffer;
            here.ordinal += 1;
            here.block += Columns::rows(step.inputs, step.outputs);
        }
        i += 1;
    }
    while i < route.len() {
        route[i] = here;
        i += 1;
    }
    route
}

/// The maximum width of the stored activations; the sample is read in place.
pub(crate) const fn widest(plan: &Plan) -> usize {
    let mut widest = 0;
    let mut i = 0;
    while i < plan.steps().len() {
        let step = &plan.steps()[i];
        if step.outputs > widest {
            widest = step.outputs;
        }
        i += 1;
    }
    widest
}
