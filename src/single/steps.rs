//! The steps of the plan, one after another.
//!
//! [`StepsOf`] chooses their code by constant function pointers. The compiler visits only the functions that these point to;
//! of a call in a branch that is never taken, it would visit the function and all that it calls, for each step of the
//! capacity.

use core::marker::PhantomData;

use super::{
    arena::{copy, ends},
    lanes::Lanes,
    operation::{Operands, operation},
    step::{RouteOf, StepOf},
    values::Values,
};
use crate::{network::Network, plan::Plan};

/// Runs all steps, with the activations in `arena`.
///
/// # Safety
/// The values are those of `N`, the sample is `[I]`, and the arena is as long as the route says.
#[inline(always)]
pub(super) unsafe fn steps<N: Network, V: Values, L: Lanes>(
    values: &V,
    sample: &[f32],
    lanes: L,
    arena: &mut [f32],
) {
    macro_rules! groups {
        ($($first:literal)*) => {
            const { assert!(Plan::CAPACITY == 16 * [$($first),*].len()) };
            $(StepsOf::<N, V, L, $first>::GROUP(values, sample, lanes, arena);)*
        };
    }
    // SAFETY: guaranteed by the caller.
    unsafe {
        groups!(0 16 32 48 64 80 96 112);
    }
}

/// A part of the forward pass: of the values, the sample, the instructions and the arena.
type Code<V, L> = unsafe fn(&V, &[f32], L, &mut [f32]);

/// The code that starts at step `K`.
struct StepsOf<N, V, L, const K: usize>(PhantomData<(N, V, L)>);

impl<N: Network, V: Values, L: Lanes, const K: usize> StepsOf<N, V, L, K> {
    /// One step, if it does something.
    const STEP: Code<V, L> = match StepOf::<N, V::Norms, K>::RUNS {
        true if StepOf::<N, V::Norms, K>::COPIES => copying::<N, V, L, K>,
        true => step::<N, V, L, K>,
        false => nothing,
    };
}

#[inline(always)]
fn nothing<V, L>(_: &V, _: &[f32], _: L, _: &mut [f32]) {}

/// Groups of 16 steps, of which only those that the plan reaches are compiled.
macro_rules! groups {
    ($($name:ident: $first:literal $($index:literal)*;)*) => {
        impl<N: Network, V: Values, L: Lanes, const K: usize> StepsOf<N, V, L, K> {
            /// A group.
            const GROUP: Code<V, L> = match K {
                $($first if StepOf::<N, V::Norms, K>::EXISTS => $name::<N, V, L>,)*
                _ => nothing,
            };
        }

        $(/// # Safety
        /// As [`steps`].
        #[inline(always)]
        unsafe fn $name<N: Network, V: Values, L: Lanes>(
            values: &V,
            sample: &[f32],
            lanes: L,
            arena: &mut [f32],
        ) {
            // SAFETY: guaranteed by the caller.
            unsafe {
                StepsOf::<N, V, L, $first>::STEP(values, sample, lanes, arena);
                $(StepsOf::<N, V, L, $index>::STEP(values, sample, lanes, arena);)*
            }
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

/// Step `K` of the plan, without copies.
///
/// # Safety
/// As [`steps`].
#[inline(always)]
unsafe fn step<N: Network, V: Values, L: Lanes, const K: usize>(
    values: &V,
    sample: &[f32],
    lanes: L,
    arena: &mut [f32],
) {
    // SAFETY: the arena has room for the input and the output of each step and for the copies.
    unsafe {
        let (arena, copies) = RouteOf::<N, V::Norms>::split(arena);
        operation::<N, V, L, K>(Operands {
            values,
            sample,
            lanes,
            arena,
            copies,
        });
    }
}

/// Step `K` of the plan, with the copies before and after it.
///
/// # Safety
/// As [`steps`].
#[inline(always)]
unsafe fn copying<N: Network, V: Values, L: Lanes, const K: usize>(
    values: &V,
    sample: &[f32],
    lanes: L,
    arena: &mut [f32],
) {
    let at = StepOf::<N, V::Norms, K>::AT;
    // SAFETY: as in `step`. The type fixes the sample's length.
    unsafe {
        if let Some(held) = at.takes {
            let (arena, copies) = RouteOf::<N, V::Norms>::split(arena);
            let (input, _) = ends(arena, at.end, at.inputs(), 0);
            copy(copies.get_unchecked(held.start..), input);
        }
        step::<N, V, L, K>(values, sample, lanes, arena);
        if let Some(held) = at.holds {
            let (arena, copies) = RouteOf::<N, V::Norms>::split(arena);
            let output: &[f32] = match at.output {
                None => sample,
                Some(end) => ends(arena, end, at.step.outputs, 0).0,
            };
            let output = output.get_unchecked(..at.step.outputs);
            copy(output, copies.get_unchecked_mut(held.start..));
        }
    }
}
