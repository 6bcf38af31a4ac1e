//! Output channels in the lanes: the output is channels last.

use super::{
    groups,
    tile::{Convolution, MAX_SUMS, MAX_VECTORS, Place, Sums, Tile},
};
use crate::{
    plan::Window,
    single::{lanes::Lanes, matrix::Matrix},
};

/// The number of input channels from which on they are the innermost loop: long, so that the compiler does not unroll it
/// and spill registers.
const DEEP: usize = 12;

/// The sums of one tile: vectors of channels, at single columns. If lanes are channels of groups, there is one vector.
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
    let [depth, _] = convolution.window.group_channels();
    let strides = convolution.strides();
    let Place {
        tile: Tile { vectors, singles },
        row,
        first: [vector, column],
    } = place;
    let channel_of = |v: usize| (vector + v) * L::LANES;

    let mut biases = [lanes.splat(0.0); MAX_VECTORS];
    for (v, bias) in biases.iter_mut().enumerate().take(vectors) {
        // SAFETY: the tile's channels exist.
        *bias = unsafe { matrix.bias(lanes, channel_of(v)) };
    }
    let mut sums: Sums<L::Vector> = [biases; MAX_SUMS];
    let corner = row * down * strides.row + column * across * strides.column;
    macro_rules! add {
        ($channel:ident, $k:ident, $l:ident) => {{
            let i = ($channel * height + $k) * width + $l;
            let at = corner + $k * strides.row + $l * strides.column;
            let mut weights = [lanes.splat(0.0); MAX_VECTORS];
            for (v, weight) in weights.iter_mut().enumerate().take(vectors) {
                // SAFETY: `i` is below the number of inputs of an output, and the tile's channels exist.
                *weight = unsafe { matrix.weights(lanes, i, channel_of(v)) };
            }
            for (s, sums) in sums.iter_mut().enumerate().take(singles) {
                let at = at + s * across * strides.column;
                // SAFETY: the window of every position of the tile is within the input with its border, in every channel; the
                // tile's first channel exists.
                let value = unsafe {
                    match convolution.lanes_are_groups() {
                        true => groups::load(lanes, convolution, input, at, $channel, channel_of(0)),
                        false => {
                            let at = at + $channel * strides.channel;
                            lanes.splat(*input.get_unchecked(at))
                        }
                    }
                };
                for (sum, &weight) in sums.iter_mut().zip(&weights).take(vectors) {
                    *sum = lanes.mul_add(value, weight, *sum);
                }
            }
        }};
    }
    if vectors > 1 && depth >= DEEP {
        for k in 0..height {
            for l in 0..width {
                for channel in 0..depth {
                    add!(channel, k, l);
                }
            }
        }
    } else {
        for channel in 0..depth {
            for k in 0..height {
                for l in 0..width {
                    add!(channel, k, l);
                }
            }
        }
    }

    for (s, sums) in sums.iter().enumerate().take(singles) {
        for (v, &sum) in sums.iter().enumerate().take(vectors) {
            let sum = if convolution.relu {
                lanes.relu(sum)
            } else {
                sum
            };
            let to = (row * columns + column + s) * channels + channel_of(v);
            let count = L::LANES.min(channels - channel_of(v));
            // SAFETY: the position and `count` channels are within the output.
            unsafe { lanes.store_first(output.as_mut_ptr().add(to), sum, count) };
        }
    }
}
