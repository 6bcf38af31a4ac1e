//! [`PRelu`]: a parametric ReLU.

/// A parametric ReLU of images or vectors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PRelu {
    /// The index of its slopes among the program's parameters.
    pub(crate) weights: usize,
    /// 1, or one for each channel.
    pub(crate) slopes: usize,
}

impl PRelu {
    /// The slope of place `at` of `places`: of the channels of an image, or of the columns of a vector.
    pub(crate) fn slope_of(&self, at: usize, places: usize) -> usize {
        at * self.slopes / places
    }
}
