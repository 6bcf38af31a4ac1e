//! Maximum and mean over the windows of images, and their gradients.

use std::ops::Range;

use super::{Kernel, Lanes, convolution::ImageDerivative, load, store};
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
    pub(crate) output: ImageViewMut<'a>,
}

/// The rows (axis 0) or columns (axis 1) of the kernel at a position that are within the image, and the first of these
/// rows or columns of the image. `K` is the side of a kernel that is always within the image, or 0.
#[inline(always)]
fn inside<const K: usize>(window: &Window, axis: usize, position: usize) -> (Range<usize>, usize) {
    if K > 0 {
        return (0..K, position * window.stride);
    }
    let start = position * window.stride;
    let first = window.padding.saturating_sub(start);
    let end = window.kernel[axis].min(window.input[axis + 1] + window.padding - start);
    (first..end, start + first - window.padding)
}

/// Whether a window is 2 x 2 and always within the image: then the loops over it are unrolled.
fn is_pair(window: &Window) -> bool {
    window.kernel == [2, 2] && window.padding == 0
}

/// Whether an input belongs to several windows.
fn overlaps(window: &Window) -> bool {
    window.kernel.iter().any(|&side| side > window.stride)
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
        match is_pair(&self.window) {
            true => self.each_window::<S, 2>(simd),
            false => self.each_window::<S, 0>(simd),
        }
    }
}

impl MaxPool<'_> {
    /// `K`: see [`inside`].
    #[inline(always)]
    fn each_window<S: Lanes, const K: usize>(self, simd: S) {
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
        let [channels, rows, columns] = window.output;
        let row_stride = input.layout.row_stride();
        for channel in 0..channels {
            for row in 0..rows {
                let (kernel_rows, y) = inside::<K>(&window, 0, row);
                for column in 0..columns {
                    let (kernel_columns, x) = inside::<K>(&window, 1, column);
                    let from = input.at(channel, y, x);
                    for lane in (0..SAMPLES).step_by(S::F32_LANES) {
                        let first = kernel_rows.start * window.kernel[1] + kernel_columns.start;
                        // SAFETY: the window's values, which `inside` has restricted to the image, are pixels of
                        // `input`; the position is a pixel of `output` and of `argmax`.
                        unsafe {
                            let mut max = load::<S>(from.wrapping_add(lane));
                            let mut best = simd.splat_f32s(first as f32);
                            for k in kernel_rows.clone() {
                                for l in kernel_columns.clone() {
                                    let distance = (k - kernel_rows.start) * row_stride
                                        + (l - kernel_columns.start) * SAMPLES;
                                    let value = load::<S>(from.wrapping_add(distance + lane));
                                    let at = simd.splat_f32s((k * window.kernel[1] + l) as f32);
                                    let is_larger = simd.greater_than_f32s(value, max);
                                    let is_number = simd.equal_f32s(value, value);
                                    let or_nan = simd.select_f32s(is_number, max, value);
                                    max = simd.select_f32s(is_larger, value, or_nan);
                                    let or_nan = simd.select_f32s(is_number, best, at);
                                    best = simd.select_f32s(is_larger, at, or_nan);
                                }
                            }
                            store::<S>(output.at(channel, row, column).wrapping_add(lane), max);
                            if let Some(argmax) = &argmax {
                                store::<S>(
                                    argmax.at(channel, row, column).wrapping_add(lane),
                                    best,
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

impl Kernel for AvgPool<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        match is_pair(&self.window) {
            true => self.each_window::<S, 2>(simd),
            false => self.each_window::<S, 0>(simd),
        }
    }
}

impl AvgPool<'_> {
    /// `K`: see [`inside`].
    #[inline(always)]
    fn each_window<S: Lanes, const K: usize>(self, simd: S) {
        let AvgPool {
            window,
            input,
            output,
        } = self;
        check(&window, input.layout.size(), output.layout.size());
        let [channels, rows, columns] = window.output;
        let row_stride = input.layout.row_stride();
        let share = simd.splat_f32s(share(&window));
        for channel in 0..channels {
            for row in 0..rows {
                let (kernel_rows, y) = inside::<K>(&window, 0, row);
                for column in 0..columns {
                    let (kernel_columns, x) = inside::<K>(&window, 1, column);
                    let from = input.at(channel, y, x);
                    for lane in (0..SAMPLES).step_by(S::F32_LANES) {
                        let mut sum = simd.splat_f32s(0.0);
                        for k in 0..kernel_rows.len() {
                            for l in 0..kernel_columns.len() {
                                let distance = k * row_stride + l * SAMPLES;
                                // SAFETY: as in `MaxPool`.
                                let value =
                                    unsafe { load::<S>(from.wrapping_add(distance + lane)) };
                                sum = simd.add_f32s(sum, value);
                            }
                        }
                        let to = output.at(channel, row, column).wrapping_add(lane);
                        // SAFETY: as in `MaxPool`.
                        unsafe { store::<S>(to, simd.mul_f32s(sum, share)) };
                    }
                }
            }
        }
    }
}

/// The weight of each value in the mean of a window.
fn share(window: &Window) -> f32 {
    1.0 / (window.kernel[0] * window.kernel[1]) as f32
}

impl Kernel for PoolGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        match is_pair(&self.window) {
            true => self.each_window::<S, 2>(simd),
            false => self.each_window::<S, 0>(simd),
        }
    }
}

impl PoolGradient<'_> {
    /// `K`: see [`inside`].
    #[inline(always)]
    fn each_window<S: Lanes, const K: usize>(self, simd: S) {
        let PoolGradient {
            window,
            delta,
            argmax,
            maxima,
            output,
        } = self;
        check(&window, output.layout.size(), delta.layout.size());
        for image in argmax.iter().chain(&maxima) {
            check(&window, output.layout.size(), image.layout.size());
        }
        let adds = overlaps(&window);
        let share = simd.splat_f32s(share(&window));
        let zero = simd.splat_f32s(0.0);
        let [channels, rows, columns] = window.output;
        let row_stride = output.layout.row_stride();
        for channel in 0..channels {
            if adds {
                clear(&output, channel);
            }
            for row in 0..rows {
                let (kernel_rows, y) = inside::<K>(&window, 0, row);
                for column in 0..columns {
                    let (kernel_columns, x) = inside::<K>(&window, 1, column);
                    let to = output.at(channel, y, x);
                    for lane in (0..SAMPLES).step_by(S::F32_LANES) {
                        // SAFETY: as in `MaxPool`, with the images exchanged.
                        unsafe {
                            let of = |image: &ImageView<'_>| {
                                load::<S>(image.at(channel, row, column).wrapping_add(lane))
                            };
                            let mut gradient = of(&delta);
                            if let Some(maxima) = &maxima {
                                let is_zero = simd.less_than_or_equal_f32s(of(maxima), zero);
                                gradient = simd.select_f32s(is_zero, zero, gradient);
                            }
                            let best = argmax.as_ref().map(of);
                            for k in kernel_rows.clone() {
                                for l in kernel_columns.clone() {
                                    let mut part = match best {
                                        Some(best) => {
                                            let at = (k * window.kernel[1] + l) as f32;
                                            let is_best =
                                                simd.equal_f32s(best, simd.splat_f32s(at));
                                            simd.select_f32s(is_best, gradient, zero)
                                        }
                                        None => simd.mul_f32s(gradient, share),
                                    };
                                    let distance = (k - kernel_rows.start) * row_stride
                                        + (l - kernel_columns.start) * SAMPLES;
                                    let to = to.wrapping_add(distance + lane);
                                    if adds {
                                        part = simd.add_f32s(load::<S>(to), part);
                                    }
                                    store::<S>(to, part);
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Sets a channel to zeros.
#[inline(always)]
fn clear(image: &ImageViewMut<'_>, channel: usize) {
    for row in 0..image.layout.rows {
        let to = image.at(channel, row, 0);
        // SAFETY: the columns of a row are contiguous.
        unsafe { to.write_bytes(0, image.layout.columns * SAMPLES) };
    }
}

/// Multiplies gradients by derivatives, in place.
pub(crate) struct MultiplyDerivative<'a> {
    pub(crate) derivative: ImageDerivative<'a>,
    pub(crate) delta: ImageViewMut<'a>,
}

impl Kernel for MultiplyDerivative<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let MultiplyDerivative { derivative, delta } = self;
        let Some(image) = derivative.image() else {
            return;
        };
        assert_eq!(image.layout.size(), delta.layout.size());
        for channel in 0..delta.layout.channels {
            for row in 0..delta.layout.rows {
                let (from, to) = (image.at(channel, row, 0), delta.at(channel, row, 0));
                for at in (0..delta.layout.columns * SAMPLES).step_by(S::F32_LANES) {
                    let to = to.wrapping_add(at);
                    // SAFETY: the columns of a row are contiguous, in both images.
                    unsafe {
                        let from = from.wrapping_add(at);
                        store::<S>(to, derivative.apply(simd, from, load::<S>(to)));
                    }
                }
            }
        }
    }
}
