//! The forward pass of one sample through the plan.
//!
//! The plan is a constant, so each step is monomorphised for its widths, and no step is dispatched at run time.

use core::{marker::PhantomData, mem::MaybeUninit};

use super::{
    arena::{copy, ends},
    image::transpose,
    lanes::{Kernel, Lanes},
    level::{Level, dispatch},
    step::{OnStackOf, RouteOf},
    steps::steps,
    values::Values,
};
use crate::network::Network;

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
    // SAFETY: guaranteed by the caller.
    unsafe { CodeOf::<N, V>::ON_STACK(values, level, sample, logits) }
}

/// The code of a network's forward pass, as constant function pointers: the compiler visits only the functions that they
/// point to. Of a call in a branch that is never taken, it would visit the function and all that it calls.
struct CodeOf<N, V>(PhantomData<fn() -> (N, V)>);

impl<N: Network, V: Values> CodeOf<N, V> {
    /// [`on_stack`] with the shortest arena.
    const ON_STACK: unsafe fn(&V, Level, &[f32], &mut [f32]) = {
        macro_rules! shortest {
            ($($least:literal $most:literal)*) => {
                $(if OnStackOf::<N, $least, $most>::FITS {
                    on_stack::<N, V, $most>
                } else)* {
                    no_pass
                }
            };
        }
        shortest!(
            0 16  16 32  32 48  48 64  64 96  96 128  128 192  192 256  256 384  384 512  512 768  768 1024
            1024 1536  1536 2048  2048 3072  3072 4096  4096 6144  6144 8192  8192 12288  12288 16384
            16384 24576  24576 32768  32768 49152  49152 65536  65536 98304  98304 131072
        )
    };
}

/// [`forward`] with an arena of `W` values.
///
/// # Safety
/// As [`forward`]; the network fits `W` values.
#[inline]
unsafe fn on_stack<N: Network, V: Values, const W: usize>(
    values: &V,
    level: Level,
    sample: &[f32],
    logits: &mut [f32],
) {
    let pass = ForwardPass {
        values,
        sample,
        logits,
        network: PhantomData,
    };
    dispatch(level, OnStack::<N, V, W>(pass));
}

/// [`forward`] of a network that does not fit.
fn no_pass<V>(_: &V, _: Level, _: &[f32], _: &mut [f32]) {}

/// As [`forward`], with the activations in `arena`.
///
/// # Safety
/// As [`forward`], but instead of fitting the stack, the network fits `L` values, the [arena](super::step::arena()) of `N` or more.
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
        // SAFETY: the arena is as long as the route says, and the preconditions are those of `forward`.
        unsafe { steps::<N, V, L>(self.values, self.sample, lanes, arena) };
        let at = RouteOf::<N, V::Norms>::END;
        // SAFETY: the arena has room for the last values, of which there are as many as logits.
        unsafe {
            let last = match at.reads_sample {
                true => self.sample,
                false => {
                    let (ends_part, _) = RouteOf::<N, V::Norms>::split(arena);
                    ends(ends_part, at.end, at.inputs(), 0).0
                }
            };
            match at.is_in_order() {
                true => copy(last, self.logits),
                false => transpose([at.positions, at.channels], last, self.logits),
            }
        }
    }
}
