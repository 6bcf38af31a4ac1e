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
pub(super) fn copy(from: &[f32], to: &mut [f32]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}
