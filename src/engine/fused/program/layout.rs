//! [`ImageLayout`]: 16 samples side by side in the lanes, `[channels][rows][columns][16]`.
//!
//! So every vector is full however few the channels are, and neither pooling nor activations need shuffles. Rows and
//! columns may have a border of zeros, which a convolution reads and nothing writes: so no loop tests for an edge.

use std::ops::Range;

use crate::single::BLOCK;

/// The number of samples that are side by side.
pub(crate) const SAMPLES: usize = BLOCK;

/// Sizes and strides of an image with its border.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ImageLayout {
    pub(crate) channels: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Zeros before and after the rows, and before and after the columns.
    border: [[usize; 2]; 2],
}

impl ImageLayout {
    pub(crate) fn new([channels, rows, columns]: [usize; 3], border: [[usize; 2]; 2]) -> Self {
        ImageLayout {
            channels,
            rows,
            columns,
            border,
        }
    }

    /// Channels, rows and columns.
    pub(crate) fn size(&self) -> [usize; 3] {
        [self.channels, self.rows, self.columns]
    }

    /// The stride from one row to the next, in vectors of 16 samples.
    pub(crate) fn row_vectors(&self) -> usize {
        self.border[1][0] + self.columns + self.border[1][1]
    }

    /// The stride from one row to the next, in values.
    pub(crate) fn row_stride(&self) -> usize {
        self.row_vectors() * SAMPLES
    }

    /// The stride from one channel to the next, in values: an odd number of cache lines, so that the same pixel of
    /// different channels maps to different cache sets.
    pub(crate) fn channel_stride(&self) -> usize {
        let rows = self.border[0][0] + self.rows + self.border[0][1];
        ((rows * self.row_vectors()) | 1) * SAMPLES
    }

    /// The index where some channels begin, and their layout.
    pub(crate) fn channels(&self, channels: Range<usize>) -> (usize, ImageLayout) {
        assert!(channels.start <= channels.end && channels.end <= self.channels);
        let layout = ImageLayout {
            channels: channels.len(),
            ..*self
        };
        (channels.start * self.channel_stride(), layout)
    }

    /// The number of values, with the border.
    pub(crate) fn len(&self) -> usize {
        self.channels * self.channel_stride()
    }

    /// The index of the first pixel's first sample.
    pub(crate) fn origin(&self) -> usize {
        self.border[0][0] * self.row_stride() + self.border[1][0] * SAMPLES
    }

    /// The number of pixels, without the border.
    pub(crate) fn pixel_count(&self) -> usize {
        self.channels * self.rows * self.columns
    }

    /// The indices of all pixels' first samples, in the order of a vector.
    pub(crate) fn pixels(self) -> impl Iterator<Item = usize> {
        let rows = (0..self.channels).flat_map(move |c| (0..self.rows).map(move |row| [c, row, 0]));
        rows.flat_map(move |row| {
            let first = self.at(row);
            (0..self.columns).map(move |column| first + column * SAMPLES)
        })
    }

    /// The index of a pixel's first sample.
    #[inline(always)]
    pub(crate) fn at(&self, [channel, row, column]: [usize; 3]) -> usize {
        debug_assert!(channel < self.channels && row < self.rows && column < self.columns);
        self.origin() + channel * self.channel_stride() + row * self.row_stride() + column * SAMPLES
    }
}
