//! The part of the arena with two ends, between which the activations go to and fro.

use super::{columns::padded, route::End};

/// The parts of the arena for `here` values at one end and `there` values at the other, in whole blocks.
///
/// # Safety
/// The arena has room for both.
#[inline(always)]
pub(super) unsafe fn ends(
    arena: &mut [f32],
    end: End,
    here: usize,
    there: usize,
) -> (&mut [f32], &mut [f32]) {
    // SAFETY: guaranteed by the caller.
    let [here, there, _] = unsafe { ends_and_between(arena, end, here, there, 0) };
    (here, there)
}

/// As [`ends`], and `between` values between them.
///
/// # Safety
/// The arena has room for all.
#[inline(always)]
pub(super) unsafe fn ends_and_between(
    arena: &mut [f32],
    end: End,
    here: usize,
    there: usize,
    between: usize,
) -> [&mut [f32]; 3] {
    let [first, last] = match end {
        End::First => [padded(here), padded(there)],
        End::Last => [padded(there), padded(here)],
    };
    debug_assert!(first + padded(between) + last <= arena.len());
    // SAFETY: guaranteed by the caller.
    unsafe {
        let (first, rest) = arena.split_at_mut_unchecked(first);
        let (middle, last) = rest.split_at_mut_unchecked(rest.len() - last);
        let between = middle.get_unchecked_mut(..between);
        match end {
            End::First => [first, last, between],
            End::Last => [last, first, between],
        }
    }
}

#[inline(always)]
pub(super) fn copy(from: &[f32], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
