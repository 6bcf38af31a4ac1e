//! Maximum and mean over the windows of images, and their gradients.

use std::ops::Range;

use super::{Kernel, Lanes, derivative::Derivative, load, store};
use crate::{
    engine::fused::{
        memory::image::{ImageView, ImageViewMut},
        program::SAMPLES,
    },
    plan::Window,
};

/// The maximum of every window.
///
/// As PyTorch's loop: a later value replaces the maximum if it is larger or a NaN.
pub(crate) struct MaxPool<'a> {
    pub(crate) window: Window,
    pub(crate) input: ImageView<'a>,
    pub(crate) output: ImageViewMut<'a>,
    /// For the gradient: which value of the window the maximum is, counted row by row, as a float.
    pub(crate) argmax: Option<ImageViewMut<'a>>,
}

/// The mean of every window; outside of the image are zeros.
pub(crate) struct AvgPool<'a> {
    pub(crate) window: Window,
    pub(crate) input: ImageView<'a>,
    pub(crate) output: ImageViewMut<'a>,
}

/// The gradient of the input of a pooling.
pub(crate) struct PoolGradient<'a> {
    pub(crate) window: Window,
    pub(crate) delta: ImageView<'a>,
    /// Of a maximum: which value of the window it is. None for a mean.
    pub(crate) argmax: Option<ImageView<'a>>,
    /// Of a maximum of ReLU's outputs: the maxima, where the gradient is 0 unless they are above 0.
    pub(crate) maxima: Option<ImageView<'a>>,
    /// Whether the gradient is added to the output, or replaces it.
    pub(crate) adds: bool,
    pub(crate) output: ImageViewMut<'a>,
}

/// A position of the kernel on a channel, and the part of the kernel that is within the image.
struct Place {
    /// Channel, row and column of the output.
    output: [usize; 3],
    /// Rows and columns of the kernel.
    kernel: [Range<usize>; 2],
    /// Channel, row and column of the input under the first of these.
    input: [usize; 3],
}

/// Calls `each` with every place of the kernel.
#[inline(always)]
fn each_place(window: &Window, each: impl Fn(&Place)) {
    match (window.kernel, window.padding) {
        // With constant bounds, the loops over the values of a window are unrolled.
        ([2, 2], [0, 0]) => places(window, |_, start| (0..2, start), each),
        _ => {
            let inside = |axis: usize, start: usize| {
                let inside = window.inside(axis, start / window.stride[axis]);
                let first = inside.start + window.padding[axis] - start;
                (first..first + inside.len(), inside.start)
            };
            places(window, inside, each);
        }
    }
}

/// As [`each_place`]. For an axis and the start of the kernel, padding included, `inside` gives the part of the kernel that
/// is within the image, and where it begins there.
#[inline(always)]
fn places(
    window: &Window,
    inside: impl Fn(usize, usize) -> (Range<usize>, usize),
    each: impl Fn(&Place),
) {
    let [channels, rows, columns] = window.output;
    for channel in 0..channels {
        for row in 0..rows {
            let (kernel_rows, y) = inside(0, row * window.stride[0]);
            for column in 0..columns {
                let (kernel_columns, x) = inside(1, column * window.stride[1]);
                each(&Place {
                    output: [channel, row, column],
                    kernel: [kernel_rows.clone(), kernel_columns],
                    input: [channel, y, x],
                });
            }
        }
    }
}

impl Place {
    /// The index of the first value in the kernel.
    #[inline(always)]
    fn first_value(&self, window: &Window) -> usize {
        self.kernel[0].start * window.kernel[1] + self.kernel[1].start
    }

    /// Calls `each` with the index of each value in the kernel, row by row, and its distance from the first one in an image
    /// with this stride from row to row.
    #[inline(always)]
    fn each_value(&self, window: &Window, row_stride: usize, mut each: impl FnMut(usize, usize)) {
        let [rows, columns] = &self.kernel;
        for k in rows.clone() {
            for l in columns.clone() {
                let distance = (k - rows.start) * row_stride + (l - columns.start) * SAMPLES;
                each(k * window.kernel[1] + l, distance);
            }
        }
    }
}

/// Whether every input belongs to exactly one window.
fn is_partition(window: &Window) -> bool {
    let axes = [0, 1].map(|axis| {
        let covered = window.output[axis + 1] * window.stride[axis];
        window.kernel[axis] == window.stride[axis] && covered == window.input[axis + 1]
    });
    window.padding == [0; 2] && axes == [true; 2]
}

/// The weight of each value in the mean of a window.
fn share(window: &Window) -> f32 {
    1.0 / (window.kernel[0] * window.kernel[1]) as f32
}

/// Checks that these are images of the window's input and output.
#[inline(always)]
fn check(window: &Window, input: [usize; 3], output: [usize; 3]) {
    assert_eq!((input, output), (window.input, window.output));
}

impl Kernel for MaxPool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let MaxPool {
            window,
            input,
            output,
            argmax,
        } = self;
        check(&window, input.layout.size(), output.layout.size());
        if let Some(argmax) = &argmax {
            check(&window, input.layout.size(), argmax.layout.size());
        }
        each_place(
            &window,
            #[inline(always)]
            |place| {
                let from = input.at(place.input);
                for lane in (0..SAMPLES).step_by(S::F32_LANES) {
                    // SAFETY: the window's values, which the place restricts to the image, are pixels of `input`; the place is
                    // a pixel of `output` and of `argmax`.
                    unsafe {
                        let mut max = load::<S>(from.wrapping_add(lane));
                        let mut best = simd.splat_f32s(place.first_value(&window) as f32);
                        place.each_value(
                            &window,
                            input.layout.row_stride(),
                            #[inline(always)]
                            |at, distance| {
                                let value = load::<S>(from.wrapping_add(distance + lane));
                                let at = simd.splat_f32s(at as f32);
                                let is_larger = simd.greater_than_f32s(value, max);
                                let is_number = simd.equal_f32s(value, value);
                                let or_nan = simd.select_f32s(is_number, max, value);
                                max = simd.select_f32s(is_larger, value, or_nan);
                                let or_nan = simd.select_f32s(is_number, best, at);
                                best = simd.select_f32s(is_larger, at, or_nan);
                            },
                        );
                        store::<S>(output.at(place.output).wrapping_add(lane), max);
                        if let Some(argmax) = &argmax {
                            store::<S>(argmax.at(place.output).wrapping_add(lane), best);
                        }
                    }
                }
            },
        );
    }
}

impl Kernel for AvgPool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let AvgPool {
            window,
            input,
            output,
        } = self;
        check(&window, input.layout.size(), output.layout.size());
        let share = simd.splat_f32s(share(&window));
        each_place(
            &window,
            #[inline(always)]
            |place| {
                let from = input.at(place.input);
                for lane in (0..SAMPLES).step_by(S::F32_LANES) {
                    let mut sum = simd.splat_f32s(0.0);
                    place.each_value(
                        &window,
                        input.layout.row_stride(),
                        #[inline(always)]
                        |_, distance| {
                            // SAFETY: as in `MaxPool`.
                            let value = unsafe { load::<S>(from.wrapping_add(distance + lane)) };
                            sum = simd.add_f32s(sum, value);
                        },
                    );
                    let to = output.at(place.output).wrapping_add(lane);
                    // SAFETY: as in `MaxPool`.
                    unsafe { store::<S>(to, simd.mul_f32s(sum, share)) };
                }
            },
        );
    }
}

impl Kernel for PoolGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let PoolGradient {
            window,
            delta,
            argmax,
            maxima,
            adds,
            output,
        } = self;
        check(&window, output.layout.size(), delta.layout.size());
        for image in argmax.iter().chain(&maxima) {
            check(&window, output.layout.size(), image.layout.size());
        }
        if !adds && !is_partition(&window) {
            clear(&output);
        }
        let adds = adds || !is_partition(&window);
        let share = simd.splat_f32s(share(&window));
        let zero = simd.splat_f32s(0.0);
        each_place(
            &window,
            #[inline(always)]
            |place| {
                let to = output.at(place.input);
                for lane in (0..SAMPLES).step_by(S::F32_LANES) {
                    // SAFETY: as in `MaxPool`, with the images exchanged.
                    unsafe {
                        let of = |image: &ImageView<'_>| {
                            load::<S>(image.at(place.output).wrapping_add(lane))
                        };
                        let mut gradient = of(&delta);
                        if let Some(maxima) = &maxima {
                            let is_zero = simd.less_than_or_equal_f32s(of(maxima), zero);
                            gradient = simd.select_f32s(is_zero, zero, gradient);
                        }
                        let best = argmax.as_ref().map(of);
                        place.each_value(
                            &window,
                            output.layout.row_stride(),
                            #[inline(always)]
                            |at, distance| {
                                let mut part = match best {
                                    Some(best) => {
                                        let at = simd.splat_f32s(at as f32);
                                        simd.select_f32s(simd.equal_f32s(best, at), gradient, zero)
                                    }
                                    None => simd.mul_f32s(gradient, share),
                                };
                                let to = to.wrapping_add(distance + lane);
                                if adds {
                                    part = simd.add_f32s(load::<S>(to), part);
                                }
                                store::<S>(to, part);
                            },
                        );
                    }
                }
            },
        );
    }
}

/// Sets every pixel to zero.
#[inline(always)]
fn clear(image: &ImageViewMut<'_>) {
    let [channels, rows, columns] = image.layout.size();
    for channel in 0..channels {
        for row in 0..rows {
            // SAFETY: the columns of a row are contiguous.
            unsafe {
                image
                    .at([channel, row, 0])
                    .write_bytes(0, columns * SAMPLES)
            };
        }
    }
}

/// Multiplies gradients by derivatives, in place.
pub(crate) struct MultiplyDerivative<'a> {
    pub(crate) derivative: Derivative<ImageView<'a>>,
    pub(crate) delta: ImageViewMut<'a>,
}

impl Kernel for MultiplyDerivative<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let MultiplyDerivative { derivative, delta } = self;
        let Some(image) = derivative.values() else {
            return;
        };
        assert_eq!(image.layout.size(), delta.layout.size());
        for channel in 0..delta.layout.channels {
            for row in 0..delta.layout.rows {
                let (from, to) = (image.at([channel, row, 0]), delta.at([channel, row, 0]));
                for at in (0..delta.layout.columns * SAMPLES).step_by(S::F32_LANES) {
                    let to = to.wrapping_add(at);
                    // SAFETY: the columns of a row are contiguous, in both images.
                    unsafe {
                        let from = from.wrapping_add(at);
                        store::<S>(to, derivative.apply(simd, |_| from, load::<S>(to)));
                    }
                }
            }
        }
    }
}
