//! Windows of an image with its channels last: a vector has several channels of one position.

use crate::{plan::Window, single::lanes::Lanes};

/// Folds the values of each window that are within the image, row by row.
///
/// # Safety
/// `input` has the window's inputs, `output` has room for its outputs.
#[inline(always)]
pub(super) unsafe fn pool<L: Lanes>(
    lanes: L,
    window: &Window,
    input: &[f32],
    output: &mut [f32],
    fold: impl Fn(L::Vector, L::Vector) -> L::Vector,
    finish: impl Fn(L::Vector) -> L::Vector,
) {
    let [channels, _, width] = window.input;
    let [_, rows, columns] = window.output;
    for row in 0..rows {
        for column in 0..columns {
            let (ys, xs) = (window.inside(0, row), window.inside(1, column));
            let to = (row * columns + column) * channels;
            let mut channel = 0;
            while channel < channels {
                let count = L::LANES.min(channels - channel);
                // SAFETY: the window's positions are within the image, and `count` channels remain; the caller guarantees
                // the lengths.
                unsafe {
                    let value = |y: usize, x: usize| {
                        let from = (y * width + x) * channels + channel;
                        lanes.load_first(input.as_ptr().add(from), count)
                    };
                    let mut result = value(ys.start, xs.start);
                    for x in xs.start + 1..xs.end {
                        result = fold(result, value(ys.start, x));
                    }
                    for y in ys.start + 1..ys.end {
                        for x in xs.clone() {
                            result = fold(result, value(y, x));
                        }
                    }
                    let to = output.as_mut_ptr().add(to + channel);
                    lanes.store_first(to, finish(result), count);
                }
                channel += L::LANES;
            }
        }
    }
}
