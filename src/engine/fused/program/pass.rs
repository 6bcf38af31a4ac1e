//! [`Pass`]: which values of an image each position of a convolution reads, forward and for the gradient of its input.

use std::{iter, ops::Range};

use super::layout::{ImageLayout, SAMPLES};
use crate::plan::Window;

/// Positions of an output image; each is a sum over the channels of the input and over the taps of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pass {
    /// The positions: rows and columns of them.
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// The index of the first tap of the first position in the input's first channel.
    pub(crate) first: usize,
    /// The strides of the input from one row of positions to the next, and from one column to the next, in values.
    pub(crate) steps: [usize; 2],
    /// For each tap, its distance from `first` at the first position, in values.
    pub(crate) taps: Vec<usize>,
    /// Rows and columns of the output: the first position, and the distance between two.
    pub(crate) output: [[usize; 2]; 2],
    /// For each tap, its index in the kernel.
    pub(crate) kernel: Vec<usize>,
    /// For each row of positions, the taps that are read; the others are in the border.
    pub(crate) read: Vec<Range<usize>>,
}

impl Pass {
    /// The end of the values that are read in an input of `channels` channels, if there is a position.
    pub(crate) fn end(&self, channels: usize, channel_stride: usize) -> usize {
        let last = [self.rows, self.columns].map(|count| count.saturating_sub(1));
        let tap = self.taps.iter().max().map_or(0, |last| last + SAMPLES);
        let channel = channels.saturating_sub(1) * channel_stride;
        self.first + channel + last[0] * self.steps[0] + last[1] * self.steps[1] + tap
    }

    /// The row and the column of a tap at this distance from the first, of a pass with a stride of 1.
    pub(crate) fn offset(&self, distance: usize) -> [usize; 2] {
        let [row, column] = self.steps;
        [distance / row, distance % row / column]
    }

    /// The forward pass of a convolution whose input has this layout, which has its [`padding`].
    pub(crate) fn forward(window: &Window, input: &ImageLayout) -> Pass {
        let [_, rows, columns] = window.output;
        let row = input.row_stride();
        let ([down, across], [above, left]) = (window.stride, window.padding);
        Pass {
            rows,
            columns,
            first: input.origin() - above * row - left * SAMPLES,
            steps: [down * row, across * SAMPLES],
            taps: grid(window.kernel)
                .map(|[k, l]| k * row + l * SAMPLES)
                .collect(),
            output: [[0, 1]; 2],
            kernel: (0..window.kernel[0] * window.kernel[1]).collect(),
            // With all of them, an infinite weight gives NaN at the border, as in a product with a matrix of patches.
            read: vec![0..window.kernel[0] * window.kernel[1]; rows],
        }
    }

    /// The gradient of the input, `dx[y] = sum_k w[k] delta[(y + p - k) / s]` over the `k` for which that is a whole
    /// number, in both directions: with a stride `s`, one pass for each remainder of `y + p`, with its own taps.
    ///
    /// The channels of its input are the convolution's output channels. `delta` has the border of [`gradient_border`].
    pub(crate) fn backward(window: &Window, delta: &ImageLayout) -> Vec<Pass> {
        let (stride, row) = (window.stride, delta.row_stride());
        let passes = grid(stride).map(|remainders| {
            // for each axis: the first position, the number of positions, of taps, and the first tap of the first one
            let [rows, columns] = [0, 1].map(|axis| {
                let (stride, padding) = (stride[axis], window.padding[axis]);
                let first = (remainders[axis] + stride * padding - padding) % stride;
                let positions = window.input[axis + 1]
                    .saturating_sub(first)
                    .div_ceil(stride);
                let taps = window.kernel[axis]
                    .saturating_sub(remainders[axis])
                    .div_ceil(stride);
                let last = (first + padding - remainders[axis]) / stride;
                (first, positions, taps, last)
            });
            // Taps in the order of the kernel lead backwards in `delta`; the border holds the first of them.
            let back = |axis: (usize, usize, usize, usize)| axis.2.saturating_sub(1);
            let first = delta.origin() + rows.3 * row + columns.3 * SAMPLES;
            let kernel = grid([rows.2, columns.2]).map(|[a, b]| {
                let [k, l] = [remainders[0] + a * stride[0], remainders[1] + b * stride[1]];
                k * window.kernel[1] + l
            });
            Pass {
                rows: rows.1,
                columns: columns.1,
                first: first - back(rows) * row - back(columns) * SAMPLES,
                steps: [row, SAMPLES],
                taps: grid([rows.2, columns.2])
                    .map(|[a, b]| (back(rows) - a) * row + (back(columns) - b) * SAMPLES)
                    .collect(),
                output: [[rows.0, stride[0]], [columns.0, stride[1]]],
                kernel: kernel.collect(),
                // tap row `a` of position row `row` is row `last + row - a` of `delta`
                read: (0..rows.1)
                    .map(|row| {
                        let nearest = (rows.3 + row + 1).saturating_sub(window.output[1]);
                        let end = rows.2.min(rows.3 + row + 1);
                        nearest.min(end) * columns.2..end * columns.2
                    })
                    .collect(),
            }
        });
        passes.collect()
    }
}

/// Every pair below these two numbers, the last one fastest.
fn grid([rows, columns]: [usize; 2]) -> impl Iterator<Item = [usize; 2]> {
    (0..rows).flat_map(move |row| iter::repeat(row).zip(0..columns).map(<[usize; 2]>::from))
}

/// Whether the training of a convolution computes squares of 2 x 2 outputs at a time, by Winograd's algorithm: with fewer
/// channels, the transformations take as long as what it saves.
pub(crate) fn suits_winograd(window: &Window) -> bool {
    let [inputs, outputs] = window.group_channels();
    window.kernel == [3; 2]
        && window.stride == [1; 2]
        && window.groups == 1
        && inputs.min(outputs) >= 32
}

/// A number of positions, in whole squares if there are any.
fn whole_squares(window: &Window, positions: usize) -> usize {
    match suits_winograd(window) {
        true => positions.next_multiple_of(2),
        false => positions,
    }
}

/// The border of zeros that a convolution reads around its input.
pub(crate) fn padding(window: &Window) -> [[usize; 2]; 2] {
    [0, 1].map(|axis| {
        let positions = whole_squares(window, window.output[axis + 1]);
        let last = (positions - 1) * window.stride[axis] + window.kernel[axis] - 1;
        let after = (last + 1).saturating_sub(window.padding[axis] + window.input[axis + 1]);
        [window.padding[axis], after]
    })
}

/// The border of zeros that the gradient of a convolution's input reads around the gradient of its output.
pub(crate) fn gradient_border(window: &Window) -> [[usize; 2]; 2] {
    [0, 1].map(|axis| {
        let (stride, padding) = (window.stride[axis], window.padding[axis]);
        let (side, kernel) = (window.input[axis + 1], window.kernel[axis]);
        let before = kernel.saturating_sub(1 + padding).div_ceil(stride);
        let last = (whole_squares(window, side) - 1 + padding) / stride;
        [before, (last + 1).saturating_sub(window.output[axis + 1])]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pairs of (input, output) pixels and the value of the kernel that connects them, of one channel.
    fn by_definition(window: &Window) -> Vec<([usize; 2], [usize; 2], usize)> {
        let [_, rows, columns] = window.output;
        let mut all = Vec::new();
        for [y, x] in grid([rows, columns]) {
            for [k, l] in grid(window.kernel) {
                let input = [y * window.stride[0] + k, x * window.stride[1] + l];
                let [a, b] = [0, 1].map(|axis| input[axis].wrapping_sub(window.padding[axis]));
                if a < window.input[1] && b < window.input[2] {
                    all.push(([a, b], [y, x], k * window.kernel[1] + l));
                }
            }
        }
        all.sort();
        all
    }

    /// For each position of a pass and each tap: the output pixel, the input pixel (none in the border) and the tap.
    fn connections(
        pass: &Pass,
        layout: &ImageLayout,
        mut found: impl FnMut([usize; 2], [usize; 2], usize),
    ) {
        for [row, column] in grid([pass.rows, pass.columns]) {
            for (tap, distance) in pass.taps.iter().enumerate() {
                if !pass.read[row].contains(&tap) {
                    continue;
                }
                let at = pass.first + row * pass.steps[0] + column * pass.steps[1] + distance;
                assert!(
                    at + SAMPLES <= layout.channel_stride(),
                    "{at} of {layout:?}"
                );
                let mut pixels = grid([layout.rows, layout.columns]);
                let pixel = pixels.find(|&[y, x]| layout.at([0, y, x]) == at);
                let output = [0, 1]
                    .map(|axis| pass.output[axis][0] + [row, column][axis] * pass.output[axis][1]);
                if let Some(pixel) = pixel {
                    found(output, pixel, tap);
                }
            }
        }
    }

    #[test]
    fn passes_connect_the_pixels_that_the_definition_connects() {
        for (size, kernel, stride, padding_size) in [
            ([5, 6], [3, 3], [1, 1], [0, 0]),
            ([5, 6], [3, 3], [1, 1], [1, 1]),
            ([4, 4], [1, 1], [1, 1], [0, 0]),
            ([7, 8], [3, 2], [2, 2], [1, 1]),
            ([8, 7], [2, 3], [3, 3], [0, 0]),
            ([5, 5], [5, 5], [1, 1], [2, 2]),
            ([6, 6], [1, 1], [2, 2], [0, 0]),
            ([9, 4], [4, 4], [4, 4], [2, 2]),
            ([4, 4], [4, 4], [8, 8], [0, 0]),
            ([3, 3], [5, 5], [2, 2], [2, 2]),
            ([9, 5], [4, 2], [2, 1], [2, 0]),
            ([4, 9], [1, 5], [1, 3], [0, 2]),
        ] {
            let [rows, columns] = size;
            let window = Window::new([2, rows, columns], 3, kernel, stride, padding_size);
            let expected = by_definition(&window);
            let input = ImageLayout::new(window.input, padding(&window));
            let mut forward = Vec::new();
            connections(
                &Pass::forward(&window, &input),
                &input,
                |output, pixel, tap| {
                    forward.push((pixel, output, tap));
                },
            );
            forward.sort();
            assert_eq!(forward, expected, "{window:?}");

            let delta = ImageLayout::new(window.output, gradient_border(&window));
            let (mut backward, mut written) = (Vec::new(), Vec::new());
            let passes = Pass::backward(&window, &delta);
            for pass in &passes {
                connections(pass, &delta, |input, pixel, tap| {
                    backward.push((input, pixel, pass.kernel[tap]));
                });
                let [first, second] = pass.output;
                written.extend(grid([pass.rows, pass.columns]).map(|[row, column]| {
                    [first[0] + row * first[1], second[0] + column * second[1]]
                }));
            }
            backward.sort();
            assert_eq!(backward, expected, "{window:?}");
            // every pixel of the input is written, once
            written.sort();
            assert_eq!(written, grid(size).collect::<Vec<_>>(), "{window:?}");
        }
    }
}
