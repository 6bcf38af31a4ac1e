//! The gradients of a convolution of which only the maximum of each channel is read, over 16 samples.
//!
//! Of all outputs of a channel and a sample, one has a gradient: that of the position `q[o, s]` of the maximum. So
//! `dw[o, c, tap] = sum_s d[o, s] input[c, q[o, s] + tap]`, and `d[o, s] w[o, c, tap]` is added to the gradient of that
//! input: for each kernel and sample as much work as for a single position, where the gradient of all positions
//! multiplies zeros. Samples differ in their positions, so here the channels are in the lanes, and both images are
//! transposed.

use super::{Derivative, Epilogue, Kernel, Lanes, by_vectors, load, store};
use crate::engine::fused::{
    memory::{
        image::{ImageView, ImageViewMut},
        matrix::{BLOCK, View, ViewMut},
    },
    program::{ImageLayout, Pass, SAMPLES},
};

/// The gradients with respect to weights, biases and, if there is room for it, the input.
pub(crate) struct SelectedGradient<'a> {
    /// The forward pass.
    pub(crate) pass: &'a Pass,
    pub(crate) input: ImageView<'a>,
    /// The gradient of the outputs, all of it 0 but at the maxima.
    pub(crate) delta: ImageView<'a>,
    /// The index of the position of each maximum.
    pub(crate) argmax: ImageView<'a>,
    /// As [`PackSelected`] packs them.
    pub(crate) weights: &'a [f32],
    /// `[channels * taps + 1, outputs]`, the bias last.
    pub(crate) output: ViewMut<'a>,
    /// Whether the gradient is added to `output` or replaces it.
    pub(crate) adds: bool,
    /// For the transposed input, [`SelectedGradient::len`] values.
    pub(crate) transposed: &'a mut [f32],
    /// For its gradient, as many, or none.
    pub(crate) gradient: &'a mut [f32],
}

impl SelectedGradient<'_> {
    /// The number of values of a transposed image of this layout: for each sample and each pixel, with the border, its
    /// channels in whole blocks.
    pub(crate) fn len(layout: &ImageLayout) -> usize {
        layout.channel_stride() * layout.channels.next_multiple_of(BLOCK)
    }
}

impl Kernel for SelectedGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, simd: S) {
        let (pass, layout) = (self.pass, self.input.layout);
        let (taps, width) = (pass.taps.len(), layout.channels.next_multiple_of(BLOCK));
        let fan_in = layout.channels * taps;
        assert!(pass.end(layout.channels, layout.channel_stride()) <= layout.len());
        let [outputs, rows, columns] = self.delta.layout.size();
        assert_eq!([rows, columns], [pass.rows, pass.columns]);
        assert_eq!(self.argmax.layout.size(), [outputs, 1, 1]);
        assert!(self.weights.len() >= outputs * taps * width);
        assert!(self.output.rows > fan_in && outputs <= self.output.blocks * BLOCK);
        let len = Self::len(&layout);
        assert!(self.transposed.len() >= len);
        assert!(self.gradient.is_empty() || self.gradient.len() >= len);
        transpose(simd, self.input, self.transposed);
        self.gradient.fill(0.0);
        let pixels = layout.channel_stride() / SAMPLES;
        for output in 0..outputs {
            let (mut deltas, mut places) = ([0.0; SAMPLES], [0; SAMPLES]);
            let (mut count, mut bias) = (0, 0.0);
            for sample in 0..SAMPLES {
                // SAFETY: a pixel of either image has 16 samples; the row and the column are those of a position.
                let (delta, [row, column]) = unsafe {
                    let at = *self.argmax.at([output, 0, 0]).wrapping_add(sample);
                    let at = (at as usize).min(rows * columns - 1);
                    let position = [at / columns, at % columns];
                    let [row, column] = position;
                    let delta = *self.delta.at([output, row, column]).wrapping_add(sample);
                    (delta, position)
                };
                bias += delta;
                let [down, across] = pass.steps;
                let pixel = (pass.first + row * down + column * across) / SAMPLES;
                (deltas[count], places[count]) = (delta, (sample * pixels + pixel) * width);
                // as where a ReLU is 0
                count += usize::from(delta != 0.0);
            }
            let of_samples = (&deltas[..count], &places[..count]);
            for (tap, distance) in pass.taps.iter().enumerate() {
                let shift = distance / SAMPLES * width;
                let weights = (output * taps + tap) * width;
                let (vectors, mut at) = (width / S::F32_LANES, 0);
                macro_rules! call {
                    ($k:literal) => {{
                        let first = at * S::F32_LANES;
                        let places = Places {
                            shift: shift + first,
                            of_samples,
                        };
                        let mut sums = [0.0; $k * SAMPLES];
                        // SAFETY: by the assertions, each tap of each position is a pixel of the transposed images, which
                        // have `width` values for each; the weights have as many for each output and tap; a vector has
                        // at most 16 lanes.
                        unsafe {
                            let (from, to) = (self.transposed.as_ptr(), sums.as_mut_ptr());
                            places.sum::<S, $k>(simd, from, to);
                            if !self.gradient.is_empty() {
                                let weights = self.weights[weights + first..].as_ptr();
                                let gradient = self.gradient.as_mut_ptr();
                                places.spread::<S, $k>(simd, weights, gradient);
                            }
                        }
                        let end = layout.channels.min(first + $k * S::F32_LANES);
                        for (channel, sum) in (first..end).zip(sums) {
                            self.put(channel * taps + tap, output, sum);
                        }
                    }};
                }
                by_vectors!(vectors, at, call);
            }
            self.put(fan_in, output, bias);
        }
    }
}

impl SelectedGradient<'_> {
    /// Stores the gradient in a row for an output channel.
    #[inline(always)]
    fn put(&mut self, row: usize, output: usize, sum: f32) {
        let value = &mut self.output.row(output / BLOCK, row)[output % BLOCK];
        *value = if self.adds { *value + sum } else { sum };
    }
}

/// Where the input of a tap is for each sample whose gradient is not 0.
#[derive(Clone, Copy)]
struct Places<'a> {
    /// The distance of the tap from the position's first, and of the channels from the first.
    shift: usize,
    /// Their gradients, and the index of the position's first value in a transposed image.
    of_samples: (&'a [f32], &'a [usize]),
}

impl Places<'_> {
    /// `sums = sum_s d[s] x[s]` for `K` vectors of channels.
    ///
    /// # Safety
    /// `from` is a transposed image with all of the places, and there is room for the sums.
    #[inline(always)]
    unsafe fn sum<S: Lanes, const K: usize>(self, simd: S, from: *const f32, sums: *mut f32) {
        let (deltas, places) = self.of_samples;
        let mut registers = [simd.splat_f32s(0.0); K];
        for (&delta, &place) in deltas.iter().zip(places) {
            let delta = simd.splat_f32s(delta);
            let from = from.wrapping_add(place + self.shift);
            for (k, sum) in registers.iter_mut().enumerate() {
                // SAFETY: guaranteed by the caller.
                let value = unsafe { load::<S>(from.wrapping_add(k * S::F32_LANES)) };
                *sum = simd.mul_add_e_f32s(delta, value, *sum);
            }
        }
        for (k, sum) in registers.into_iter().enumerate() {
            // SAFETY: guaranteed by the caller.
            unsafe { store::<S>(sums.wrapping_add(k * S::F32_LANES), sum) };
        }
    }

    /// `x[s] += d[s] w` for `K` vectors of channels.
    ///
    /// # Safety
    /// `to` is a transposed image with all of the places, and `weights` are that many vectors.
    #[inline(always)]
    unsafe fn spread<S: Lanes, const K: usize>(self, simd: S, weights: *const f32, to: *mut f32) {
        let (deltas, places) = self.of_samples;
        for (&delta, &place) in deltas.iter().zip(places) {
            let delta = simd.splat_f32s(delta);
            let to = to.wrapping_add(place + self.shift);
            for k in 0..K {
                let lane = k * S::F32_LANES;
                // SAFETY: guaranteed by the caller.
                unsafe {
                    let weight = load::<S>(weights.wrapping_add(lane));
                    let sum = load::<S>(to.wrapping_add(lane));
                    store::<S>(
                        to.wrapping_add(lane),
                        simd.mul_add_e_f32s(delta, weight, sum),
                    );
                }
            }
        }
    }
}

/// Copies an image with its border to `[samples][pixels][channels]`, the channels in whole blocks.
#[inline(always)]
fn transpose<S: Lanes>(simd: S, input: ImageView<'_>, output: &mut [f32]) {
    let (channels, stride) = (input.layout.channels, input.layout.channel_stride());
    let (pixels, width) = (stride / SAMPLES, channels.next_multiple_of(BLOCK));
    for pixel in 0..pixels {
        for first in (0..channels).step_by(BLOCK) {
            let mut tile = input.tile(first, pixel * SAMPLES);
            simd.transpose(&mut tile);
            for (sample, row) in tile.iter().enumerate() {
                let at = (sample * pixels + pixel) * width + first;
                output[at..at + BLOCK].copy_from_slice(row);
            }
        }
    }
}

/// Moves the transposed gradient of an image, as [`SelectedGradient`] leaves it, to the gradient of the layer before it.
pub(crate) struct Untranspose<'a> {
    pub(crate) gradient: &'a [f32],
    /// The layout of the image that was transposed.
    pub(crate) layout: ImageLayout,
    /// Whether it is added to `output` or replaces it.
    pub(crate) adds: bool,
    pub(crate) derivative: Derivative<ImageView<'a>>,
    pub(crate) output: ImageViewMut<'a>,
}

impl Kernel for Untranspose<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let layout = self.layout;
        let [channels, rows, columns] = layout.size();
        assert_eq!(self.output.layout.size(), layout.size());
        let epilogue = Epilogue::Derivative(self.derivative);
        assert!(
            epilogue
                .values()
                .is_none_or(|image| image.layout.size() == layout.size())
        );
        let (pixels, width) = (
            layout.channel_stride() / SAMPLES,
            channels.next_multiple_of(BLOCK),
        );
        assert!(self.gradient.len() >= SelectedGradient::len(&layout));
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)))
        {
            let pixel = (layout.at([0, row, column])) / SAMPLES;
            for first in (0..channels).step_by(BLOCK) {
                let mut samples = [[0.0; BLOCK]; SAMPLES];
                for (sample, values) in samples.iter_mut().enumerate() {
                    let at = (sample * pixels + pixel) * width + first;
                    values.copy_from_slice(&self.gradient[at..at + BLOCK]);
                }
                simd.transpose(&mut samples);
                for (channel, values) in (first..channels).zip(&samples) {
                    let at = [channel, row, column];
                    for lane in (0..SAMPLES).step_by(S::F32_LANES) {
                        // SAFETY: the pixel is in both images, by the assertions, and has 16 samples.
                        unsafe {
                            let mut sum = load::<S>(values.as_ptr().add(lane));
                            let to = self.output.at(at).wrapping_add(lane);
                            if self.adds {
                                sum = simd.add_f32s(load::<S>(to), sum);
                            }
                            let of = |image: &ImageView<'_>| image.at(at).wrapping_add(lane);
                            store::<S>(to, epilogue.apply(simd, of, sum));
                        }
                    }
                }
            }
        }
    }
}

/// Copies the weights `[channels * taps + 1, outputs]` of a convolution in one group: for each output and tap, the
/// channels, in whole blocks.
pub(crate) struct PackSelected<'a> {
    pub(crate) weights: View<'a>,
    /// Input and output channels.
    pub(crate) channels: [usize; 2],
    /// [`PackSelected::len`] values.
    pub(crate) output: &'a mut [f32],
}

impl PackSelected<'_> {
    pub(crate) fn len([inputs, outputs]: [usize; 2], taps: usize) -> usize {
        outputs * taps * inputs.next_multiple_of(BLOCK)
    }
}

impl Kernel for PackSelected<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) {
        let [inputs, outputs] = self.channels;
        let (taps, width) = (
            (self.weights.rows - 1) / inputs,
            inputs.next_multiple_of(BLOCK),
        );
        let rows = self.output.chunks_exact_mut(width);
        for (at, row) in rows.enumerate().take(outputs * taps) {
            let (output, tap) = (at / taps, at % taps);
            for (channel, value) in row.iter_mut().enumerate().take(inputs) {
                *value = self.weights.row(output / BLOCK, channel * taps + tap)[output % BLOCK];
            }
        }
    }
}
