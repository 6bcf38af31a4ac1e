//! Buffers of images, 16 samples side by side (see [`ImageLayout`]).

use std::{fmt, marker::PhantomData, ops::Range};

use super::{
    matrix::{BLOCK, View, ViewMut},
    shared::Shared,
};
use crate::engine::fused::program::{ImageLayout, SAMPLES};

/// An image of 16 samples whose parts several threads may write at once. It begins as zeros.
pub(crate) struct ImageBuffer {
    values: Shared<f32>,
    pub(crate) layout: ImageLayout,
}

impl ImageBuffer {
    pub(crate) fn zeros(layout: ImageLayout) -> Self {
        ImageBuffer {
            values: Shared::zeros(layout.len()),
            layout,
        }
    }

    /// Its values.
    pub(super) fn buffer(&self) -> &Shared<f32> {
        &self.values
    }

    /// The image, to read.
    ///
    /// # Safety
    /// No thread writes a value while it is read through the view.
    pub(crate) unsafe fn view(&self) -> ImageView<'_> {
        ImageView {
            start: self.values.as_ptr(),
            layout: self.layout,
            values: PhantomData,
        }
    }

    /// The image, to write.
    ///
    /// # Safety
    /// While the view lives, no other view holds any of its values.
    pub(crate) unsafe fn view_mut(&self) -> ImageViewMut<'_> {
        ImageViewMut {
            start: self.values.as_ptr(),
            layout: self.layout,
            values: PhantomData,
        }
    }
}

impl fmt::Debug for ImageBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ImageBuffer({:?})", self.layout)
    }
}

/// An image of 16 samples, to read.
#[derive(Clone, Copy)]
pub(crate) struct ImageView<'a> {
    /// The start of the border; [`ImageLayout::len`] values are valid.
    pub(crate) start: *const f32,
    pub(crate) layout: ImageLayout,
    values: PhantomData<&'a [f32]>,
}

impl<'a> ImageView<'a> {
    /// The first sample of a pixel: channel, row and column.
    #[inline(always)]
    pub(crate) fn at(&self, pixel: [usize; 3]) -> *const f32 {
        self.start.wrapping_add(self.layout.at(pixel))
    }

    /// Of up to 16 channels from channel `first` on, the samples of a pixel, which is at this place in each channel with its
    /// border; zeros for channels that there are not.
    #[inline(always)]
    pub(crate) fn tile(&self, first: usize, pixel: usize) -> [[f32; SAMPLES]; BLOCK] {
        let stride = self.layout.channel_stride();
        assert!(pixel + SAMPLES <= stride);
        let mut tile = [[0.0; SAMPLES]; BLOCK];
        for (samples, channel) in tile.iter_mut().zip(first..self.layout.channels) {
            // SAFETY: the pixel is within the channel, by the assertion, and no thread writes it while the view lives.
            *samples = unsafe { *self.start.wrapping_add(channel * stride + pixel).cast() };
        }
        tile
    }

    /// Some of its channels.
    pub(crate) fn channels(&self, channels: Range<usize>) -> ImageView<'a> {
        let (from, layout) = self.layout.channels(channels);
        ImageView {
            start: self.start.wrapping_add(from),
            layout,
            ..*self
        }
    }

    /// A channel as a matrix with a block for each row and a row for each column.
    pub(crate) fn channel(&self, channel: usize) -> View<'a> {
        let ImageLayout { rows, columns, .. } = self.layout;
        // SAFETY: the channel's rows are within the image, whose values live as long as the view.
        unsafe {
            View::strided(
                self.at([channel, 0, 0]),
                rows,
                columns,
                self.layout.row_vectors(),
            )
        }
    }
}

/// An image of 16 samples, to write.
pub(crate) struct ImageViewMut<'a> {
    /// As [`ImageView::start`].
    pub(crate) start: *mut f32,
    pub(crate) layout: ImageLayout,
    values: PhantomData<&'a mut [f32]>,
}

impl ImageViewMut<'_> {
    /// The first sample of a pixel: channel, row and column.
    #[inline(always)]
    pub(crate) fn at(&self, pixel: [usize; 3]) -> *mut f32 {
        self.start.wrapping_add(self.layout.at(pixel))
    }

    /// Some of its channels, for a shorter time.
    pub(crate) fn channels(&mut self, channels: Range<usize>) -> ImageViewMut<'_> {
        let (from, layout) = self.layout.channels(channels);
        ImageViewMut {
            start: self.start.wrapping_add(from),
            layout,
            ..*self
        }
    }

    /// As [`ImageView::channel`], to write.
    pub(crate) fn channel(&mut self, channel: usize) -> ViewMut<'_> {
        let ImageLayout { rows, columns, .. } = self.layout;
        // SAFETY: the channel's rows are within the image, to which `&mut self` is the only access.
        unsafe {
            ViewMut::strided(
                self.at([channel, 0, 0]),
                rows,
                columns,
                self.layout.row_vectors(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_is_within_the_buffer_and_between_its_borders() {
        let layout = ImageLayout::new([3, 4, 5], [[1, 2], [3, 0]]);
        // 7 rows of 8 columns, and one more vector to make their number odd
        assert_eq!(
            (layout.row_stride(), layout.channel_stride(), layout.len()),
            (8 * 16, 57 * 16, 3 * 57 * 16)
        );
        assert_eq!(layout.at([0, 0, 0]), (8 + 3) * 16);
        assert_eq!(layout.at([2, 3, 4]), (2 * 57 + 4 * 8 + 7) * 16);
        let image = ImageBuffer::zeros(layout);
        // SAFETY: no other thread has access to the image.
        let mut view = unsafe { image.view_mut() };
        assert_eq!(view.channels(1..3).at([1, 3, 4]), view.at([2, 3, 4]));
        for channel in 0..3 {
            let mut of_one = view.channels(channel..channel + 1);
            let mut part = of_one.channel(0);
            for row in 0..4 {
                for column in 0..5 {
                    part.row(row, column).fill(1.0);
                }
            }
        }
        // SAFETY: as above.
        let values = unsafe { image.values.slice(0..layout.len()) };
        let ones = values.iter().filter(|&&value| value == 1.0).count();
        assert_eq!(ones, 3 * 4 * 5 * 16);
        assert!(values[..layout.origin()].iter().all(|&value| value == 0.0));
    }
}
