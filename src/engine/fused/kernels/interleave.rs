//! Samples into the lanes of images and out of them.

use super::{Kernel, Lanes, Rows, Samples};
use crate::engine::fused::{
    memory::{
        image::{ImageView, ImageViewMut},
        matrix::{BLOCK, View, ViewMut},
    },
    program::SAMPLES,
};

/// Copies samples of a data set into the lanes of an image.
pub(crate) struct Interleave<'a> {
    pub(crate) rows: Rows<'a>,
    /// The samples' indices in `rows`.
    pub(crate) samples: Samples<'a>,
    /// The number of samples, 1 to 16. The lanes after the last are copies of it: any value would do, as their
    /// gradients are 0, but for one that is not finite in a sample that is.
    pub(crate) count: usize,
    /// The number of values of a sample.
    pub(crate) width: usize,
    /// The first of those that are copied.
    pub(crate) first: usize,
    pub(crate) output: ImageViewMut<'a>,
}

impl Kernel for Interleave<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) {
        assert!((1..=SAMPLES).contains(&self.count));
        match self.rows {
            Rows::Floats(values) => self.copy(values, |&value| value),
            Rows::Bytes(bytes, scale) => self.copy(bytes, |&byte| f32::from(byte) * scale),
        }
    }
}

impl Interleave<'_> {
    #[inline(always)]
    fn copy<T>(&self, values: &[T], value: impl Fn(&T) -> f32) {
        let [channels, height, width] = self.output.layout.size();
        let samples: [&[T]; SAMPLES] = std::array::from_fn(|lane| {
            let sample = self.samples.at(lane.min(self.count - 1));
            &values[sample * self.width + self.first..(sample + 1) * self.width]
        });
        for channel in 0..channels {
            for row in 0..height {
                let first = (channel * height + row) * width;
                let rows = samples.map(|sample| &sample[first..first + width]);
                for column in 0..width {
                    let lanes: [f32; SAMPLES] = rows.map(|row| value(&row[column]));
                    let to = self.output.at([channel, row, column]);
                    // SAFETY: the pixel is in the image, whose layout has its size.
                    unsafe { to.cast::<[f32; SAMPLES]>().write(lanes) };
                }
            }
        }
    }
}

/// Flattens an image: the lanes become rows of a matrix.
pub(crate) struct Flatten<'a> {
    pub(crate) input: ImageView<'a>,
    /// `[samples, values]`, for at most 16 samples.
    pub(crate) output: ViewMut<'a>,
}

impl Kernel for Flatten<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, simd: S) {
        let layout = self.input.layout;
        assert_eq!(self.output.blocks, layout.pixel_count().div_ceil(BLOCK));
        assert!(self.output.rows <= SAMPLES);
        let mut pixels = layout.pixels();
        for block in 0..self.output.blocks {
            let mut columns = [[0.0; SAMPLES]; BLOCK];
            for (column, pixel) in columns.iter_mut().zip(pixels.by_ref()) {
                // SAFETY: a pixel of the image has 16 samples, which no thread writes while the view lives.
                *column = unsafe { *self.input.start.wrapping_add(pixel).cast() };
            }
            simd.transpose(&mut columns);
            for (sample, row) in columns.iter().enumerate().take(self.output.rows) {
                *self.output.row(block, sample) = *row;
            }
        }
    }
}

/// The inverse of [`Flatten`], for gradients; those of lanes without a sample are 0.
pub(crate) struct Unflatten<'a> {
    /// `[samples, values]`, for at most 16 samples.
    pub(crate) input: View<'a>,
    pub(crate) output: ImageViewMut<'a>,
}

impl Kernel for Unflatten<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let layout = self.output.layout;
        assert_eq!(self.input.blocks, layout.pixel_count().div_ceil(BLOCK));
        assert!(self.input.rows <= SAMPLES);
        let mut pixels = layout.pixels();
        for block in 0..self.input.blocks {
            let mut rows = [[0.0; BLOCK]; SAMPLES];
            for (sample, row) in rows.iter_mut().enumerate().take(self.input.rows) {
                *row = *self.input.row(block, sample);
            }
            simd.transpose(&mut rows);
            for (lanes, pixel) in rows.iter().zip(pixels.by_ref()) {
                let to = self.output.start.wrapping_add(pixel);
                // SAFETY: a pixel of the image has 16 samples, to which this view is the only access.
                unsafe { to.cast::<[f32; SAMPLES]>().write(*lanes) };
            }
        }
    }
}
