//! Samples into the lanes of images and out of them, and sums of matrices.

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
        let len = channels * height * width;
        let samples: [&[T]; SAMPLES] = std::array::from_fn(|lane| {
            let sample = self.samples.at(lane.min(self.count - 1));
            &values[sample * len..(sample + 1) * len]
        });
        for channel in 0..channels {
            for row in 0..height {
                let first = (channel * height + row) * width;
                let rows = samples.map(|sample| &sample[first..first + width]);
                for column in 0..width {
                    let lanes: [f32; SAMPLES] = rows.map(|row| value(&row[column]));
                    let to = self.output.at(channel, row, column);
                    // SAFETY: the pixel is in the image, whose layout has its size.
                    unsafe { to.cast::<[f32; SAMPLES]>().write(lanes) };
                }
            }
        }
    }
}

/// The pixels of an image in the order of a vector, 16 at a time: for each lane of a block, its pixel.
#[inline(always)]
fn pixels_of_block(
    [channels, rows, columns]: [usize; 3],
    block: usize,
) -> [Option<[usize; 3]>; BLOCK] {
    std::array::from_fn(|lane| {
        let at = block * BLOCK + lane;
        let pixel = [at / (rows * columns), at / columns % rows, at % columns];
        (pixel[0] < channels).then_some(pixel)
    })
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
    fn run<S: Lanes>(mut self, _: S) {
        let size = self.input.layout.size();
        assert_eq!(
            self.output.blocks,
            size.iter().product::<usize>().div_ceil(BLOCK)
        );
        assert!(self.output.rows <= SAMPLES);
        for block in 0..self.output.blocks {
            let columns = pixels_of_block(size, block).map(|pixel| match pixel {
                // SAFETY: a pixel of the image has 16 samples, which no thread writes while the view lives.
                Some([channel, row, column]) => unsafe {
                    *self.input.at(channel, row, column).cast::<[f32; SAMPLES]>()
                },
                None => [0.0; SAMPLES],
            });
            for sample in 0..self.output.rows {
                *self.output.row(block, sample) = columns.map(|column| column[sample]);
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
    fn run<S: Lanes>(self, _: S) {
        let size = self.output.layout.size();
        assert_eq!(
            self.input.blocks,
            size.iter().product::<usize>().div_ceil(BLOCK)
        );
        assert!(self.input.rows <= SAMPLES);
        for block in 0..self.input.blocks {
            let mut rows = [[0.0; BLOCK]; SAMPLES];
            for (sample, row) in rows.iter_mut().enumerate().take(self.input.rows) {
                *row = *self.input.row(block, sample);
            }
            for (lane, pixel) in pixels_of_block(size, block).into_iter().enumerate() {
                let Some([channel, row, column]) = pixel else {
                    continue;
                };
                let values: [f32; SAMPLES] = std::array::from_fn(|sample| rows[sample][lane]);
                // SAFETY: a pixel of the image has 16 samples, to which this view is the only access.
                unsafe {
                    self.output
                        .at(channel, row, column)
                        .cast::<[f32; SAMPLES]>()
                        .write(values)
                };
            }
        }
    }
}

/// Adds matrices to the first one.
pub(crate) struct AddMatrices<'a> {
    pub(crate) sum: ViewMut<'a>,
    pub(crate) terms: &'a [View<'a>],
}

impl Kernel for AddMatrices<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, _: S) {
        for block in 0..self.sum.blocks {
            for row in 0..self.sum.rows {
                let sum = self.sum.row(block, row);
                for term in self.terms {
                    let term = term.row(block, row);
                    for (sum, term) in sum.iter_mut().zip(term) {
                        *sum += term;
                    }
                }
            }
        }
    }
}
