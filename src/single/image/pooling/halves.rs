//! Windows of 2 x 2 that do not overlap, of an image with its channels first: a vector has neighbours of a row.

use crate::{plan::Window, single::lanes::Lanes};

/// Folds the four values of each window, row by row.
///
/// # Safety
/// `input` has the window's inputs, `output` has room for its outputs, and the window halves rows and columns.
#[inline(always)]
pub(super) unsafe fn pool<L: Lanes>(
    lanes: L,
    window: &Window,
    input: &[f32],
    output: &mut [f32],
    fold: impl Fn(L::Vector, L::Vector) -> L::Vector,
    finish: impl Fn(L::Vector) -> L::Vector,
) {
    let [channels, height, width] = window.input;
    let [_, rows, columns] = window.output;
    for channel in 0..channels {
        for row in 0..rows {
            let from = (channel * height + 2 * row) * width;
            let to = (channel * rows + row) * columns;
            let mut column = 0;
            while column < columns {
                let count = L::LANES.min(columns - column);
                let first = L::LANES.min(2 * count);
                // SAFETY: `2 count` values of both rows remain, and `count` of the result; the caller guarantees the
                // lengths.
                unsafe {
                    let pairs = |row: usize| {
                        let from = input.as_ptr().add(from + row * width + 2 * column);
                        let a = lanes.load_first(from, first);
                        let b = lanes.load_first(from.add(first), 2 * count - first);
                        lanes.deinterleave(a, b)
                    };
                    let ([a, b], [c, d]) = (pairs(0), pairs(1));
                    let result = finish(fold(fold(fold(a, b), c), d));
                    lanes.store_first(output.as_mut_ptr().add(to + column), result, count);
                }
                column += L::LANES;
            }
        }
    }
}
