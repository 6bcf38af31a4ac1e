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

mod multiply;
mod outputs;
mod transform;
mod weights;

pub(crate) use self::weights::winograd_weights;
use self::{multiply::multiply, outputs::outputs, transform::transform};
use crate::{
    plan::Window,
    single::{columns::padded, lanes::Lanes, matrix::Matrix},
};

/// The number of products for each square and pair of channels: 4 x 4.
pub(crate) const PRODUCTS: usize = 16;

/// The number of squares of a part: so many that each weight that is loaded serves several squares.
const SQUARES: usize = 16;

/// The least number of input and output channels for which it pays: with fewer, transforming inputs and outputs takes longer
/// than the multiplications that it saves.
const MIN_CHANNELS: usize = 16;

/// Whether Winograd's algorithm pays for a convolution. Its input must be channels last.
///
/// On a microcontroller, weights that are 16 ninths as large and the memory for squares are a cost that its users do not
/// expect.
pub(in crate::single) const fn suits_winograd(window: &Window) -> bool {
    let [channels, rows, columns] = window.output;
    cfg!(not(target_os = "none"))
        && matches!((window.kernel, window.stride), ([3, 3], [1, 1]))
        && window.groups == 1
        && window.input[0] >= MIN_CHANNELS
        && channels >= MIN_CHANNELS
        && rows >= 2
        && columns >= 2
}

/// The number of values of the memory for squares.
pub(in crate::single) const fn scratch(window: &Window) -> usize {
    let [inputs, outputs] = depths(window);
    PRODUCTS * squares(window) * (inputs + outputs)
}

/// The number of squares of a part.
const fn squares(window: &Window) -> usize {
    let [rows, columns] = grid(window);
    match rows * columns < SQUARES {
        true => rows * columns,
        false => SQUARES,
    }
}

/// Rows and columns of squares. One that would reach beyond the output begins earlier, and some outputs are computed twice.
const fn grid(window: &Window) -> [usize; 2] {
    let [_, rows, columns] = window.output;
    [rows.div_ceil(2), columns.div_ceil(2)]
}

/// Channels of the input and of the output in the memory for squares: whole vectors.
const fn depths(window: &Window) -> [usize; 2] {
    [padded(window.input[0]), padded(window.output[0])]
}

/// A convolution, and squares of its output that are next to each other or go on in the next row.
#[derive(Clone, Copy)]
struct Part {
    window: Window,
    relu: bool,
    first: usize,
}

impl Part {
    /// Row and column of the first output of a square of this part.
    #[inline(always)]
    fn corner(&self, square: usize) -> [usize; 2] {
        let [_, rows, columns] = self.window.output;
        let [_, across] = grid(&self.window);
        let at = self.first + square;
        [
            (2 * (at / across)).min(rows - 2),
            (2 * (at % across)).min(columns - 2),
        ]
    }
}

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
