//! A convolution of 3 x 3 with a stride of 1 by Winograd's algorithm F(2x2, 3x3): 16 multiplications for 2 x 2 outputs and
//! an input channel, where the definition takes 36.
//!
//! `Y = A' [sum_c (G g_c G') * (B' d_c B)] A` for a square `Y` of 2 x 2 outputs, of 4 x 4 inputs `d_c` of each channel and its
//! kernel `g_c`, with `*` of each value. `G g_c G'` are the [weights](winograd_weights) of an embedded model. Input and output
//! are channels last, channels are in the lanes. Some squares at a time, there are three passes: [`transform`] their inputs,
//! [`multiply`] them by the weights, 16 matrix products, and sum their [`outputs`].
//!
//! The sums are in another order than the definition's, so results differ by rounding errors, and an infinite value gives NaN
//! in the whole square.
//!
//! Source: A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", 2015,
//! <https://arxiv.org/abs/1509.09308>, section 4.1.

mod matrices;
mod multiply;
mod outputs;
mod part;
mod transform;

#[cfg(feature = "train")]
pub(crate) use self::matrices::{winograd_inputs, winograd_outputs};
pub(in crate::single) use self::part::{scratch, suits_winograd};
pub(crate) use self::{matrices::winograd_weights, part::PRODUCTS};
use self::{
    multiply::multiply,
    outputs::outputs,
    part::{Part, depths, grid, squares},
    transform::transform,
};
use crate::{
    plan::Window,
    single::{lanes::Lanes, matrix::Matrix},
};

/// The convolution of `input`, with the border that its padding needs, to `output`, then ReLU if `relu`.
///
/// # Safety
/// The algorithm [suits](suits_winograd) the window. `input` has its inputs with the border, `output` has room for its outputs,
/// `matrix` is its [transformed](winograd_weights) weight, and `scratch` has room for as many values as
/// [`scratch`] says.
#[inline(always)]
pub(in crate::single) unsafe fn winograd<L: Lanes>(
    lanes: L,
    window: Window,
    relu: bool,
    matrix: impl Matrix,
    input: &[f32],
    scratch: &mut [f32],
    output: &mut [f32],
) {
    let [rows, columns] = grid(&window);
    let count = squares(&window);
    let [depth, _] = depths(&window);
    // SAFETY: guaranteed by the caller: the transformed squares are a part of the scratch.
    let (transformed, products) =
        unsafe { scratch.split_at_mut_unchecked(PRODUCTS * count * depth) };
    let mut first = 0;
    while first < rows * columns {
        let part = Part {
            window,
            relu,
            first: first.min(rows * columns - count),
        };
        // SAFETY: guaranteed by the caller; the squares of the part are within the output.
        unsafe {
            transform(lanes, part, input, transformed);
            multiply(lanes, part, matrix, transformed, products);
            outputs(lanes, part, matrix, products, output);
        }
        first += count;
    }
}
