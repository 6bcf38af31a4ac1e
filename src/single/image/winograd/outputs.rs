//! The outputs of squares.

use super::{
    matrices::winograd_outputs,
    part::{Part, depths, squares},
};
use crate::single::{lanes::Lanes, matrix::Matrix};

/// `A' m A` of the products `m` of each square, with the bias, then ReLU if the part has it.
///
/// # Safety
/// As [`winograd`](super::winograd); `products` has those of the part's squares.
#[inline(always)]
pub(super) unsafe fn outputs<L: Lanes>(
    lanes: L,
    part: Part,
    matrix: impl Matrix,
    products: &[f32],
    output: &mut [f32],
) {
    let [channels, _, columns] = part.window.output;
    let [_, depth] = depths(&part.window);
    let count = squares(&part.window);
    for square in 0..count {
        let [row, column] = part.corner(square);
        let mut channel = 0;
        while channel < channels {
            // SAFETY: the channel exists.
            let bias = unsafe { matrix.bias(lanes, channel) };
            let mut values = [[bias; 4]; 4];
            for (product, value) in values.as_flattened_mut().iter_mut().enumerate() {
                let at = (product * count + square) * depth + channel;
                // SAFETY: guaranteed by the caller.
                *value = unsafe { lanes.load(products.as_ptr().add(at)) };
            }
            let rows = winograd_outputs(lanes, values);
            for (k, row_of_sums) in rows.into_iter().enumerate() {
                for (l, sum) in row_of_sums.into_iter().enumerate() {
                    let sum = lanes.add(sum, bias);
                    let sum = if part.relu { lanes.relu(sum) } else { sum };
                    let to = ((row + k) * columns + column + l) * channels + channel;
                    let lanes_used = L::LANES.min(channels - channel);
                    // SAFETY: the 2 x 2 outputs of every square are within the output, in every channel.
                    unsafe { lanes.store_first(output.as_mut_ptr().add(to), sum, lanes_used) };
                }
            }
            channel += L::LANES;
        }
    }
}
