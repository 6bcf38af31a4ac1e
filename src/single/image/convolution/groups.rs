//! The inputs of output channels of several groups: a lane has that of its group.

use super::tile::Convolution;
use crate::single::{lanes::Lanes, matrix::BLOCK};

/// Channel `channel` of each group's input at a position, for the output channels from `first` on.
///
/// # Safety
/// `at` is the index of the position in the input's first channel, and the output has a channel `first`.
#[inline(always)]
pub(super) unsafe fn load<L: Lanes>(
    lanes: L,
    convolution: &Convolution,
    input: &[f32],
    at: usize,
    channel: usize,
    first: usize,
) -> L::Vector {
    let [depth, of_group] = convolution.window.group_channels();
    let stride = convolution.strides().channel;
    let count = L::LANES.min(convolution.window.output[0] - first);
    let place = |lane: usize| at + ((first + lane) / of_group * depth + channel) * stride;
    // SAFETY: guaranteed by the caller; the `count` lanes are channels of the output, whose groups have this channel.
    unsafe {
        if of_group.is_multiple_of(L::LANES) {
            // all of one group
            lanes.splat(*input.get_unchecked(place(0)))
        } else if depth == 1 && of_group == 1 && stride == 1 {
            // of a depthwise convolution, the inputs of neighbouring lanes are neighbours
            lanes.load_first(input.as_ptr().add(place(0)), count)
        } else {
            let mut values = [0.0; BLOCK];
            for (lane, value) in values.iter_mut().enumerate().take(count) {
                *value = *input.get_unchecked(place(lane));
            }
            lanes.load(values.as_ptr())
        }
    }
}
