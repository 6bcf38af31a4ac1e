//! Output channels in the lanes, of several groups: a lane has the input of its group. The output is channels last.

use super::tile::{Convolution, MAX_SUMS, Place, Tile};
use crate::{
    plan::Window,
    single::{columns::BLOCK, lanes::Lanes, matrix::Matrix},
};

/// The sums of one tile: one vector of channels, at single columns.
///
/// # Safety
/// As [`convolve`](super::convolve), and the tile is within the output.
#[inline(always)]
pub(super) unsafe fn run<L: Lanes>(
    lanes: L,
    convolution: &Convolution,
    place: Place,
    matrix: impl Matrix,
    input: &[f32],
    output: &mut [f32],
) {
    let Window {
        output: [channels, _, columns],
        kernel: [height, width],
        stride: [down, across],
        ..
    } = convolution.window;
    let [depth, of_group] = convolution.window.group_channels();
    let strides = convolution.strides();
    let Place {
        tile: Tile { singles, .. },
        row,
        first: [vector, column],
    } = place;
    let first = vector * L::LANES;
    let count = L::LANES.min(channels - first);
    let input_of = |lane: usize| (first + lane) / of_group * depth;
    let is_one_group = of_group.is_multiple_of(L::LANES);
    // In a depthwise convolution, the inputs of neighbouring lanes are neighbours.
    let is_contiguous = depth == 1 && of_group == 1 && strides.channel == 1;

    // SAFETY: the tile's channels exist.
    let bias = unsafe { matrix.bias(lanes, first) };
    let mut sums = [bias; MAX_SUMS];
    let corner = row * down * strides.row + column * across * strides.column;
    for c in 0..depth {
        for k in 0..height {
            for l in 0..width {
                let i = (c * height + k) * width + l;
                // SAFETY: `i` is below the number of inputs of an output, and the tile's channels exist.
                let weights = unsafe { matrix.weights(lanes, i, first) };
                for (s, sum) in sums.iter_mut().enumerate().take(singles) {
                    let at = corner + k * strides.row + (s * across + l) * strides.column;
                    // SAFETY: the window of every position of the tile is within the input with its border, in each of
                    // the channels that belong to the `count` lanes.
                    let values = unsafe {
                        if is_one_group {
                            let channel = input_of(0) + c;
                            lanes.splat(*input.get_unchecked(at + channel * strides.channel))
                        } else if is_contiguous {
                            lanes.load_first(input.as_ptr().add(at + first), count)
                        } else {
                            let mut values = [0.0; BLOCK];
                            for (lane, value) in values.iter_mut().enumerate().take(count) {
                                let channel = input_of(lane) + c;
                                *value = *input.get_unchecked(at + channel * strides.channel);
                            }
                            lanes.load(values.as_ptr())
                        }
                    };
                    *sum = lanes.mul_add(values, weights, *sum);
                }
            }
        }
    }

    for (s, &sum) in sums.iter().enumerate().take(singles) {
        let sum = if convolution.relu {
            lanes.relu(sum)
        } else {
            sum
        };
        let to = (row * columns + column + s) * channels + first;
        // SAFETY: the position and `count` channels are within the output.
        unsafe { lanes.store_first(output.as_mut_ptr().add(to), sum, count) };
    }
}
