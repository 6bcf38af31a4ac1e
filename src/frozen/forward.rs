//! One sample through the plan, on the stack.

use core::marker::PhantomData;

use super::values::Values;
use crate::{
    Network,
    plan::{Op, Plan},
    single::{BLOCK, Kernel, Lanes, Level, activate, dispatch},
};

/// The logits of `sample`.
///
/// # Safety
/// `values` are those of `N`, `sample` is `[I]` and `logits` is `[O]`.
///
/// # Panics
/// While compiling, when a layer is wider than 65,536.
#[inline]
pub(super) unsafe fn forward<N: Network, V: Values>(
    values: &V,
    sample: &[f32],
    logits: &mut [f32],
) {
    const {
        assert!(
            width(&N::PLAN) <= 1 << 16,
            "a frozen model's layers are at most 65,536 wide: their activations lie on the stack"
        );
    }
    macro_rules! on_the_stack {
        ($($most:literal)*) => {
            match const { width(&N::PLAN) } {
                // SAFETY: the caller's, and the arm says that the buffers are wide enough.
                $(0..=$most => unsafe { with_buffers::<N, V, $most>(values, sample, logits) },)*
                _ => {}
            }
        };
    }
    on_the_stack!(16 32 64 128 256 512 1024 2048 4096 8192 16384 32768 65536);
}

/// The widest of the activations that are stored; the sample is read where it is.
const fn width(plan: &Plan) -> usize {
    let mut width = 0;
    let mut i = 0;
    while i < plan.steps().len() {
        let step = &plan.steps()[i];
        if step.outputs > width {
            width = step.outputs;
        }
        i += 1;
    }
    width
}

/// # Safety
/// As [`forward`], and `W` is at least the plan's [`width`].
#[inline(always)]
unsafe fn with_buffers<N: Network, V: Values, const W: usize>(
    values: &V,
    sample: &[f32],
    logits: &mut [f32],
) {
    let walk: Walk<'_, N, V, W> = Walk {
        values,
        sample,
        logits,
        network: PhantomData,
    };
    dispatch(Level::widest(), walk);
}

/// The walk through the plan; its arguments are as [`with_buffers`] says.
struct Walk<'a, N, V, const W: usize> {
    values: &'a V,
    sample: &'a [f32],
    logits: &'a mut [f32],
    network: PhantomData<fn() -> N>,
}

/// Activations, on a boundary of whole vectors.
#[repr(C, align(64))]
struct Buffer<const W: usize>([f32; W]);

impl<N: Network, V: Values, const W: usize> Kernel for Walk<'_, N, V, W> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let steps = const { &N::PLAN }.steps();
        let mut buffers = [Buffer([0.0; W]), Buffer([0.0; W])];
        let [here, there] = &mut buffers;
        let (mut here, mut there) = (here, there);
        let mut is_sample = true;
        let mut position = V::START;
        let mut rest = steps;
        while let [step, after @ ..] = rest {
            rest = after;
            // SAFETY: the step's inputs are the sample's or the last step's outputs, and both buffers are
            // wide enough for any step's, rounded up to whole blocks: `W` is a multiple of 16.
            let inputs = unsafe { here.0.get_unchecked_mut(..step.inputs) };
            if step.op == Op::Linear {
                let relu = matches!(rest, [next, ..] if next.op == Op::Relu);
                let input = if is_sample { self.sample } else { &*inputs };
                // SAFETY: as above; the values are those of this plan, whose layers `position` counts.
                unsafe {
                    let blocks = step.outputs.next_multiple_of(BLOCK);
                    let output = there.0.get_unchecked_mut(..blocks);
                    self.values
                        .product(lanes, position, step, input, output, relu);
                }
                position = position.next(step);
                core::mem::swap(&mut here, &mut there);
                is_sample = false;
                if relu && let [_, after @ ..] = rest {
                    rest = after;
                }
            } else {
                if is_sample {
                    for (input, value) in inputs.iter_mut().zip(self.sample) {
                        *input = *value;
                    }
                    is_sample = false;
                }
                activate(step.op, inputs);
            }
        }
        let last = if is_sample { self.sample } else { &here.0[..] };
        for (logit, value) in self.logits.iter_mut().zip(last) {
            *logit = *value;
        }
    }
}
