//! Layer normalisation of images, with 16 samples in the lanes: each lane by its own mean and deviation, each pixel of each
//! channel by its own weight and bias.

use std::ops::Range;

use super::{Epilogue, Kernel, Lanes, PerLane, load, store};
use crate::engine::fused::{
    memory::{
        image::{ImageView, ImageViewMut},
        matrix::{BLOCK, View, ViewMut},
    },
    program::{ImageLayout, SAMPLES},
};

/// What the samples are normalised by: `y = w inverse (x - mean) + b`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LaneNumbers {
    pub(crate) mean: PerLane,
    /// `1 / sqrt(variance + 1e-5)`.
    pub(crate) inverse: PerLane,
}

/// Calls `each` with the pixels of some channels, and with the block and the lane of their weights.
#[inline(always)]
fn each_pixel(
    layout: &ImageLayout,
    channels: Range<usize>,
    mut each: impl FnMut([usize; 3], (usize, usize)),
) {
    for channel in channels {
        for row in 0..layout.rows {
            for column in 0..layout.columns {
                let index = (channel * layout.rows + row) * layout.columns + column;
                each([channel, row, column], (index / BLOCK, index % BLOCK));
            }
        }
    }
}

/// Asserts that there are parameters for every pixel.
fn check_parameters(layout: &ImageLayout, [blocks, rows]: [usize; 2]) {
    assert!(blocks * BLOCK >= layout.pixel_count() && rows >= 2);
}

/// `y = w inverse (x - mean) + b`, then ReLU if `relu`.
pub(crate) struct NormalizeImage<'a> {
    pub(crate) input: ImageView<'a>,
    /// `[2, pixels]`: the weight and the bias.
    pub(crate) weights: View<'a>,
    pub(crate) numbers: LaneNumbers,
    pub(crate) relu: bool,
    pub(crate) output: ImageViewMut<'a>,
}

impl Kernel for NormalizeImage<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let NormalizeImage {
            input,
            weights,
            numbers,
            relu,
            output,
        } = self;
        assert_eq!(input.layout.size(), output.layout.size());
        check_parameters(&output.layout, [weights.blocks, weights.rows]);
        each_pixel(
            &output.layout,
            0..output.layout.channels,
            #[inline(always)]
            |pixel, (block, place)| {
                // SAFETY: there are parameters for every pixel, by the assertion above; the pixel is in both images, and
                // a vector from `lane` on is within 16 lanes.
                unsafe {
                    let [weight, bias] = [0, 1].map(|row| *weights.at(block, row).add(place));
                    let [weight, bias] = [simd.splat_f32s(weight), simd.splat_f32s(bias)];
                    for lane in (0..SAMPLES).step_by(S::F32_LANES) {
                        let number = |lanes: &PerLane| load::<S>(lanes.as_ptr().add(lane));
                        let x = load::<S>(input.at(pixel).add(lane));
                        let x = simd.sub_f32s(x, number(&numbers.mean));
                        let factor = simd.mul_f32s(weight, number(&numbers.inverse));
                        let y = simd.mul_add_e_f32s(factor, x, bias);
                        let y = if relu { simd.relu(y) } else { y };
                        store::<S>(output.at(pixel).add(lane), y);
                    }
                }
            },
        );
    }
}

/// The gradient of the weights, and for each lane the sums of `w delta` and of `w delta (x - mean)`.
pub(crate) struct ImageNormSums<'a> {
    pub(crate) delta: ImageView<'a>,
    pub(crate) input: ImageView<'a>,
    /// `[2, pixels]`: the weight and the bias.
    pub(crate) weights: View<'a>,
    pub(crate) numbers: LaneNumbers,
    /// `[2, pixels]`: the gradients of the weight and of the bias.
    pub(crate) gradient: ViewMut<'a>,
    /// Whether the gradient is added to what is there, or replaces it.
    pub(crate) adds: bool,
}

impl Kernel for ImageNormSums<'_> {
    type Output = [[f64; SAMPLES]; 2];

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) -> [[f64; SAMPLES]; 2] {
        let ImageNormSums {
            delta,
            input,
            weights,
            numbers,
            gradient,
            adds,
        } = self;
        assert_eq!(input.layout.size(), delta.layout.size());
        check_parameters(&delta.layout, [weights.blocks, weights.rows]);
        check_parameters(&delta.layout, [gradient.blocks, gradient.rows]);
        let mut totals = [[0.0; SAMPLES]; 2];
        for channel in 0..delta.layout.channels {
            let mut sums: [PerLane; 2] = [[0.0; SAMPLES]; 2];
            each_pixel(
                &delta.layout,
                channel..channel + 1,
                #[inline(always)]
                |pixel, (block, place)| {
                    let mut of_pixel = [simd.splat_f32s(0.0); 2];
                    // SAFETY: as in `NormalizeImage`.
                    unsafe {
                        let weight = simd.splat_f32s(*weights.at(block, 0).add(place));
                        for lane in (0..SAMPLES).step_by(S::F32_LANES) {
                            let number = |lanes: &PerLane| load::<S>(lanes.as_ptr().add(lane));
                            let x = load::<S>(input.at(pixel).add(lane));
                            let x = simd.sub_f32s(x, number(&numbers.mean));
                            let y = simd.mul_f32s(x, number(&numbers.inverse));
                            let delta = load::<S>(delta.at(pixel).add(lane));
                            of_pixel[0] = simd.mul_add_e_f32s(delta, y, of_pixel[0]);
                            of_pixel[1] = simd.add_f32s(of_pixel[1], delta);
                            let delta = simd.mul_f32s(weight, delta);
                            for (sum, term) in sums.iter_mut().zip([delta, simd.mul_f32s(delta, x)])
                            {
                                let sum = sum.as_mut_ptr().add(lane);
                                store::<S>(sum, simd.add_f32s(load::<S>(sum), term));
                            }
                        }
                        for (row, sum) in of_pixel.into_iter().enumerate() {
                            let to = gradient.at(block, row).add(place);
                            let before = if adds { *to } else { 0.0 };
                            *to = before + simd.reduce_sum_f32s(sum);
                        }
                    }
                },
            );
            for (total, sum) in totals
                .as_flattened_mut()
                .iter_mut()
                .zip(sums.as_flattened())
            {
                *total += f64::from(*sum);
            }
        }
        totals
    }
}

/// The gradient of the input: `inverse (w delta - mean_delta - slope (x - mean))`.
pub(crate) struct ImageNormGradient<'a> {
    pub(crate) delta: ImageView<'a>,
    pub(crate) input: ImageView<'a>,
    /// `[2, pixels]`: the weight and the bias.
    pub(crate) weights: View<'a>,
    pub(crate) numbers: LaneNumbers,
    /// The mean of `w delta`.
    pub(crate) mean_delta: PerLane,
    /// The mean of `w delta (x - mean)`, times `inverse^2`.
    pub(crate) slope: PerLane,
    /// Whether the gradient is added to the output, or replaces it.
    pub(crate) adds: bool,
    pub(crate) output: ImageViewMut<'a>,
    pub(crate) epilogue: Epilogue<ImageView<'a>>,
}

impl Kernel for ImageNormGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let ImageNormGradient {
            delta,
            input,
            weights,
            numbers,
            mean_delta,
            slope,
            adds,
            output,
            epilogue,
        } = self;
        let size = output.layout.size();
        let views = [Some(&delta), Some(&input), epilogue.values()];
        let views = views.into_iter().flatten();
        views.for_each(|view| assert_eq!(view.layout.size(), size));
        check_parameters(&output.layout, [weights.blocks, weights.rows]);
        each_pixel(
            &output.layout,
            0..output.layout.channels,
            #[inline(always)]
            |pixel, (block, place)| {
                // SAFETY: as in `NormalizeImage`.
                unsafe {
                    let weight = simd.splat_f32s(*weights.at(block, 0).add(place));
                    for lane in (0..SAMPLES).step_by(S::F32_LANES) {
                        let number = |lanes: &PerLane| load::<S>(lanes.as_ptr().add(lane));
                        let at = |view: &ImageView<'_>| view.at(pixel).add(lane);
                        let x = simd.sub_f32s(load::<S>(at(&input)), number(&numbers.mean));
                        let gradient = simd.mul_f32s(weight, load::<S>(at(&delta)));
                        let gradient = simd.sub_f32s(gradient, number(&mean_delta));
                        let gradient = simd.minus_product(gradient, number(&slope), x);
                        let gradient = simd.mul_f32s(number(&numbers.inverse), gradient);
                        let to = output.at(pixel).add(lane);
                        epilogue.store(simd, adds, to, at, gradient);
                    }
                }
            },
        );
    }
}
