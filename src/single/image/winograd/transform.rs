//! The inputs of squares, transformed.

use super::{
    matrices::winograd_inputs,
    part::{Part, depths, squares},
};
use crate::single::{image::border::bordered, lanes::Lanes};

/// `B' d B` of the squares of a part, of every channel, to `[16][square][channel]`.
///
/// # Safety
/// As [`winograd`](super::winograd); `transformed` has room for them.
#[inline(always)]
pub(super) unsafe fn transform<L: Lanes>(
    lanes: L,
    part: Part,
    input: &[f32],
    transformed: &mut [f32],
) {
    let channels = part.window.input[0];
    let [depth, _] = depths(&part.window);
    let [_, columns] = bordered(&part.window);
    let count = squares(&part.window);
    for square in 0..count {
        let [row, column] = part.corner(square);
        let mut channel = 0;
        while channel < channels {
            let lanes_used = L::LANES.min(channels - channel);
            let at = (row * columns + column) * channels + channel;
            let mut values = [[lanes.splat(0.0); 4]; 4];
            for (k, values) in values.iter_mut().enumerate() {
                for (l, value) in values.iter_mut().enumerate() {
                    let at = at + (k * columns + l) * channels;
                    // SAFETY: the 4 x 4 inputs of every square are within the input with its border, in every channel.
                    *value = unsafe { lanes.load_first(input.as_ptr().add(at), lanes_used) };
                }
            }
            let rows = winograd_inputs(lanes, values);
            for (k, row) in rows.into_iter().enumerate() {
                for (l, value) in row.into_iter().enumerate() {
                    let to = ((4 * k + l) * count + square) * depth + channel;
                    // SAFETY: guaranteed by the caller; the depth is that of whole vectors.
                    unsafe { lanes.store(transformed.as_mut_ptr().add(to), value) };
                }
            }
            channel += L::LANES;
        }
    }
}
