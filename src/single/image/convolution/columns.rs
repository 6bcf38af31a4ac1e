//! Columns of the output in the lanes: input and output are channels first, and the stride from one column to the next is 1.

use super::tile::{Convolution, MAX_SUMS, MAX_VECTORS, Place, Sums, Tile};
use crate::{
    plan::Window,
    single::{lanes::Lanes, matrix::Matrix},
};

/// The sums of one tile: vectors of columns, of single channels.
///
/// # Safety
/// As [`convolve`](super::convolve), and the tile is within the output and within a group.
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
        output: [_, rows, columns],
        kernel: [height, width],
        stride: [down, _],
        ..
    } = convolution.window;
    let [depth, of_group] = convolution.window.group_channels();
    let strides = convolution.strides();
    let Place {
        tile: Tile { vectors, singles },
        row,
        first: [vector, channel],
    } = place;
    let first_input = channel / of_group * depth;
    // A vector that would reach beyond the row begins earlier.
    let count = L::LANES.min(columns);
    let column_of = |v: usize| ((vector + v) * L::LANES).min(columns - count);

    let mut sums: Sums<L::Vector> = [[lanes.splat(0.0); MAX_VECTORS]; MAX_SUMS];
    for (s, sums) in sums.iter_mut().enumerate().take(singles) {
        // SAFETY: the tile's channels exist.
        *sums = [lanes.splat(unsafe { matrix.bias_of(channel + s) }); MAX_VECTORS];
    }
    for c in 0..depth {
        for k in 0..height {
            for l in 0..width {
                let i = (c * height + k) * width + l;
                let at = (first_input + c) * strides.channel + (row * down + k) * strides.row + l;
                let mut values = [lanes.splat(0.0); MAX_VECTORS];
                for (v, value) in values.iter_mut().enumerate().take(vectors) {
                    // SAFETY: `count` windows from the vector's first column on are within the input with its border.
                    *value =
                        unsafe { lanes.load_first(input.as_ptr().add(at + column_of(v)), count) };
                }
                for (s, sums) in sums.iter_mut().enumerate().take(singles) {
                    // SAFETY: `i` is below the number of inputs of an output, and the tile's channels exist.
                    let weight = lanes.splat(unsafe { matrix.weight(i, channel + s) });
                    for (sum, &value) in sums.iter_mut().zip(&values).take(vectors) {
                        *sum = lanes.mul_add(value, weight, *sum);
                    }
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
            let to = ((channel + s) * rows + row) * columns + column_of(v);
            // SAFETY: `count` columns from the vector's first on are within the output.
            unsafe { lanes.store_first(output.as_mut_ptr().add(to), sum, count) };
        }
    }
}
