//! Where Winograd's algorithm pays, and the parts of an image that it computes at a time.

use crate::{plan::Window, single::columns::padded};

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
pub(super) const fn squares(window: &Window) -> usize {
    let [rows, columns] = grid(window);
    match rows * columns < SQUARES {
        true => rows * columns,
        false => SQUARES,
    }
}

/// Rows and columns of squares. One that would reach beyond the output begins earlier, and some outputs are computed twice.
pub(super) const fn grid(window: &Window) -> [usize; 2] {
    let [_, rows, columns] = window.output;
    [rows.div_ceil(2), columns.div_ceil(2)]
}

/// Channels of the input and of the output in the memory for squares: whole vectors.
pub(super) const fn depths(window: &Window) -> [usize; 2] {
    [padded(window.input[0]), padded(window.output[0])]
}

/// A convolution, and squares of its output that are next to each other or go on in the next row.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) window: Window,
    pub(super) relu: bool,
    pub(super) first: usize,
}

impl Part {
    /// Row and column of the first output of a square of this part.
    #[inline(always)]
    pub(super) fn corner(&self, square: usize) -> [usize; 2] {
        let [_, rows, columns] = self.window.output;
        let [_, across] = grid(&self.window);
        let at = self.first + square;
        [
            (2 * (at / across)).min(rows - 2),
            (2 * (at % across)).min(columns - 2),
        ]
    }
}
