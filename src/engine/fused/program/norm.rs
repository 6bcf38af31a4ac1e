//! [`Norm`]: a batch normalisation.

use std::ops::Range;

use crate::engine::fused::memory::matrix::BLOCK;

/// A batch normalisation of images or vectors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Norm {
    /// Its index among the batch normalisations.
    pub(crate) index: usize,
    /// The index of its weights among the program's parameters.
    pub(crate) weights: usize,
    pub(crate) channels: usize,
    /// The number of values of a channel in a sample: 1 in a vector.
    pub(crate) pixels: usize,
    /// The offset of its running statistics among those of the network.
    pub(crate) statistics: usize,
}

impl Norm {
    /// The channels of a block of columns.
    pub(crate) fn block(&self, block: usize) -> Range<usize> {
        block * BLOCK..self.channels.min((block + 1) * BLOCK)
    }

    /// The running means of some channels, among the network's statistics.
    pub(crate) fn means(&self, channels: Range<usize>) -> Range<usize> {
        self.statistics + channels.start..self.statistics + channels.end
    }

    /// The running variances of some channels, likewise.
    pub(crate) fn variances(&self, channels: Range<usize>) -> Range<usize> {
        let first = self.statistics + self.channels;
        first + channels.start..first + channels.end
    }
}
