//! The shape of one sample, as a type.

use core::fmt::Debug;

use sealed::Sealed;

/// Seals [`Shape`] and [`Sample`]: kernels rely on their lengths.
mod sealed {
    pub trait Sealed {}
    impl<const N: usize> Sealed for super::Features<N> {}
    impl<const N: usize> Sealed for [f32; N] {}
}

/// A vector of `N` features: the input or output of a layer for one sample.
#[derive(Clone, Copy, Debug)]
pub struct Features<const N: usize>;

/// A shape that is known at compile time; implemented only by [`Features`].
///
/// ```
/// use tuplenet::shape::{Features, Shape};
/// assert_eq!(<Features<784> as Shape>::LEN, 784);
/// ```
pub trait Shape: Sealed + Debug + Send + Sync + 'static {
    /// The number of values.
    const LEN: usize;
    /// One sample: `[f32; LEN]`.
    type Array: AsRef<[f32]> + AsMut<[f32]> + Copy + Debug + PartialEq + Send + Sync;
    /// A sample of zeros.
    fn zeros() -> Self::Array;
}

impl<const N: usize> Shape for Features<N> {
    const LEN: usize = N;
    type Array = [f32; N];

    fn zeros() -> [f32; N] {
        [0.0; N]
    }
}

/// One sample of shape `S`; implemented only by `[f32; N]` for `Features<N>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not one sample of a network that takes `{S}`",
    label = "an array of the wrong length",
    note = "pass an array of as many `f32` as the network's first layer takes"
)]
pub trait Sample<S: Shape>: Sealed {
    /// The values, in order.
    fn values(&self) -> &[f32];
}

impl<const N: usize> Sample<Features<N>> for [f32; N] {
    fn values(&self) -> &[f32] {
        self
    }
}
