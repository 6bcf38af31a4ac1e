//! A convolution of 3 x 3 with a stride of 1 by Winograd's algorithm F(2x2, 3x3): 16 multiplications for 2 x 2 outputs and
//! an input channel, where the definition takes 36.
//!
//! `Y = A' [sum_c (G g_c G') * (B' d_c B)] A` for 2 x 2 outputs `Y` of 4 x 4 values `d_c` of each input channel and its
//! kernel `g_c`, with `*` of each value. The sums over the channels are 16 matrix products, one for each of the 4 x 4 values,
//! whose tiles are those of [`Convolve`](super::Convolve): output channels times neighbouring squares of 2 x 2 of a row, the
//! samples in the lanes. Its sums are in another order, so results differ by rounding errors, and an infinite value gives NaN
//! in the whole square. Each value is computed from the same terms in the same order whatever the tiles and threads.
//!
//! Source: A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", 2015,
//! <https://arxiv.org/abs/1509.09308>, section 4.1.

use std::ops::Range;

use super::{Epilogue, Kernel, Lanes, convolution::with_tile, load, product::groups, store};
use crate::{
    engine::fused::{
        memory::image::{ImageView, ImageViewMut},
        program::{Pass, SAMPLES},
    },
    single::{PRODUCTS, winograd_inputs, winograd_outputs},
};

/// The maximum of [`Lanes::TILE_POSITIONS`].
const MAX_SQUARES: usize = 4;
/// Output channels whose products are kept at a time.
const CHUNK: usize = 24;

/// The positions of a pass, for every output channel. A square at the edge may read a row and a column beyond those of the
/// pass, whose values have no effect.
pub(crate) struct Winograd<'a> {
    pub(crate) pass: &'a Pass,
    pub(crate) input: ImageView<'a>,
    /// See [`PackWinograd`](super::PackWinograd).
    pub(crate) weights: &'a [f32],
    pub(crate) output: ImageViewMut<'a>,
    /// Whether the sums are added to the output, or replace it.
    pub(crate) adds: bool,
    pub(crate) epilogue: Epilogue<ImageView<'a>>,
    /// For [`Winograd::scratch_len`] values.
    pub(crate) scratch: &'a mut [f32],
}

impl Winograd<'_> {
    /// The number of scratch values for so many input channels: those of transformed squares, and of products.
    pub(crate) const fn scratch_len(inputs: usize) -> usize {
        PRODUCTS * (stride(inputs, MAX_SQUARES) + stride(CHUNK, MAX_SQUARES)) * SAMPLES
    }

    /// The number of packed values of a convolution with so many input and output channels.
    pub(crate) const fn weights_len(inputs: usize, outputs: usize) -> usize {
        (1 + PRODUCTS * inputs) * outputs
    }
}

impl Kernel for Winograd<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, simd: S) {
        const { assert!(S::TILE_POSITIONS <= MAX_SQUARES && S::TILE_OUTPUTS <= CHUNK) };
        let pass = self.pass;
        let (inputs, outputs) = (self.input.layout.channels, self.output.layout.channels);
        let row = self.input.layout.row_stride();
        assert_eq!(pass.steps, [row, SAMPLES]);
        assert_eq!(pass.output, [[0, 1]; 2]);
        assert_eq!([pass.rows, pass.columns], self.output.layout.size()[1..]);
        assert_eq!(self.weights.len(), Self::weights_len(inputs, outputs));
        assert!(self.scratch.len() >= Self::scratch_len(inputs));
        let [rows, columns] = [pass.rows, pass.columns].map(|count| count.div_ceil(2));
        // the last of 4 x 4 values of the last square of the last channel
        let last = pass.first + (2 * rows + 1) * row + (2 * columns + 1) * SAMPLES;
        let end = last + (inputs - 1) * self.input.layout.channel_stride() + SAMPLES;
        assert!(end <= self.input.layout.len());
        let derivative = self.epilogue.values();
        assert!(derivative.is_none_or(|image| image.layout.size() == self.output.layout.size()));
        let parts = outputs.div_ceil(S::TILE_OUTPUTS);
        let part = |part: usize| part * outputs / parts;
        for lane in (0..SAMPLES).step_by(S::F32_LANES) {
            for row in 0..rows {
                for squares in groups(columns, S::TILE_POSITIONS) {
                    self.transform(simd, lane, row, squares.clone());
                    for first in (0..parts).step_by(CHUNK / S::TILE_OUTPUTS) {
                        let end = parts.min(first + CHUNK / S::TILE_OUTPUTS);
                        for product in 0..PRODUCTS {
                            for index in first..end {
                                let tile = part(index)..part(index + 1);
                                let to = (tile.start - part(first), squares.len());
                                self.multiply(simd, product, tile, to);
                            }
                        }
                        self.finish(simd, lane, row, squares.clone(), part(first)..part(end));
                    }
                }
            }
        }
    }
}

impl Winograd<'_> {
    /// `B' d B` of some squares of a row, of every input channel, to the scratch: `[16][inputs][squares]` vectors.
    #[inline(always)]
    fn transform<S: Lanes>(&mut self, simd: S, lane: usize, row: usize, squares: Range<usize>) {
        let layout = self.input.layout;
        let row_stride = layout.row_stride();
        let first = self.pass.first + 2 * row * row_stride + lane;
        for channel in 0..layout.channels {
            for (x, square) in squares.clone().enumerate() {
                let from = first + channel * layout.channel_stride() + 2 * square * SAMPLES;
                let from = self.input.start.wrapping_add(from);
                let mut values = [[simd.splat_f32s(0.0); 4]; 4];
                for (k, values) in values.iter_mut().enumerate() {
                    for (l, value) in values.iter_mut().enumerate() {
                        // SAFETY: `run` asserts that the input has the 4 x 4 values of every square.
                        *value =
                            unsafe { load::<S>(from.wrapping_add(k * row_stride + l * SAMPLES)) };
                    }
                }
                let rows = winograd_inputs(simd, values);
                for (k, row) in rows.into_iter().enumerate() {
                    for (l, value) in row.into_iter().enumerate() {
                        let of_product = (4 * k + l) * stride(layout.channels, squares.len());
                        let at = of_product + channel * squares.len() + x;
                        let to = at * S::F32_LANES;
                        // SAFETY: the scratch has a vector for each value of each square of each channel.
                        unsafe { store::<S>(self.scratch.as_mut_ptr().wrapping_add(to), value) };
                    }
                }
            }
        }
    }

    /// One of the products of some output channels, to the scratch behind the transformed squares: `[16][24][squares]` vectors,
    /// there from channel `first` on.
    #[inline(always)]
    fn multiply<S: Lanes>(
        &mut self,
        simd: S,
        product: usize,
        outputs: Range<usize>,
        (first, squares): (usize, usize),
    ) {
        let inputs = self.input.layout.channels;
        let all = self.output.layout.channels;
        let weights = all + product * inputs * all + outputs.start * inputs;
        let weights = self.weights[weights..][..inputs * outputs.len()].as_ptr();
        let scratch = self.scratch.as_mut_ptr();
        let values = product * stride(inputs, squares) * S::F32_LANES;
        let values = scratch.wrapping_add(values);
        let sums = scratch.wrapping_add(product_at::<S>(inputs, squares, product, first));
        macro_rules! call {
            ($o:literal, $x:literal) => {
                // SAFETY: the weights are there, by the line above; the scratch has the squares of every input channel, and
                // room for the products.
                unsafe { multiply::<S, $o, $x>(simd, inputs, values, weights, sums) }
            };
        }
        with_tile!(S, (outputs.len(), squares), call);
    }

    /// `A' M A` of the products of some output channels, to the output.
    #[inline(always)]
    fn finish<S: Lanes>(
        &mut self,
        simd: S,
        lane: usize,
        row: usize,
        squares: Range<usize>,
        outputs: Range<usize>,
    ) {
        let inputs = self.input.layout.channels;
        for (o, output) in outputs.enumerate() {
            for (x, square) in squares.clone().enumerate() {
                let mut values = [[simd.splat_f32s(0.0); 4]; 4];
                for (at, value) in values.as_flattened_mut().iter_mut().enumerate() {
                    let from = product_at::<S>(inputs, squares.len(), at, o) + x * S::F32_LANES;
                    // SAFETY: the scratch has the products.
                    *value = unsafe { load::<S>(self.scratch.as_ptr().wrapping_add(from)) };
                }
                let rows = winograd_outputs(simd, values);
                let rows = rows.into_iter().take(self.pass.rows - 2 * row);
                for (k, sums) in rows.enumerate() {
                    for (l, sum) in sums.into_iter().enumerate() {
                        let pixel = [output, 2 * row + k, 2 * square + l];
                        if pixel[2] == self.pass.columns {
                            break;
                        }
                        let place = self.output.at(pixel).wrapping_add(lane);
                        // SAFETY: the pixel is one of the output, and of the derivatives, which have the same size.
                        unsafe {
                            let before = match self.adds {
                                true => load::<S>(place),
                                false => simd.splat_f32s(self.weights[output]),
                            };
                            let from = |image: &ImageView<'_>| image.at(pixel).wrapping_add(lane);
                            let sum = simd.add_f32s(before, sum);
                            store::<S>(place, self.epilogue.apply(simd, from, sum));
                        }
                    }
                }
            }
        }
    }
}

/// The stride in the scratch from one of the 16 values to the next, of so many channels and squares, in vectors: odd, so that
/// the 16 values of a square map to different cache sets.
const fn stride(channels: usize, squares: usize) -> usize {
    (channels * squares) | 1
}

/// The index of a product in the scratch, for an output channel of the chunk; that of its first square.
#[inline(always)]
fn product_at<S: Lanes>(inputs: usize, squares: usize, product: usize, output: usize) -> usize {
    let first = PRODUCTS * stride(inputs, squares) + product * stride(CHUNK, squares);
    (first + output * squares) * S::F32_LANES
}

/// `sums[o][x] = sum_c weights[c][o] values[c][x]`.
///
/// # Safety
/// There are so many weights and values, and there is room for the sums.
#[inline(always)]
unsafe fn multiply<S: Lanes, const O: usize, const X: usize>(
    simd: S,
    inputs: usize,
    mut values: *const f32,
    mut weights: *const f32,
    to: *mut f32,
) {
    let mut sums = [[simd.splat_f32s(0.0); X]; O];
    for _ in 0..inputs {
        let mut some = [simd.splat_f32s(0.0); X];
        for (x, value) in some.iter_mut().enumerate() {
            // SAFETY: guaranteed by the caller.
            *value = unsafe { load::<S>(values.wrapping_add(x * S::F32_LANES)) };
        }
        for (o, sums) in sums.iter_mut().enumerate() {
            // SAFETY: guaranteed by the caller.
            let weight = simd.splat_f32s(unsafe { *weights.wrapping_add(o) });
            for (sum, value) in sums.iter_mut().zip(some) {
                *sum = simd.mul_add_e_f32s(weight, value, *sum);
            }
        }
        values = values.wrapping_add(X * S::F32_LANES);
        weights = weights.wrapping_add(O);
    }
    for (o, sums) in sums.into_iter().enumerate() {
        for (x, sum) in sums.into_iter().enumerate() {
            // SAFETY: guaranteed by the caller.
            unsafe { store::<S>(to.wrapping_add((o * X + x) * S::F32_LANES), sum) };
        }
    }
}
