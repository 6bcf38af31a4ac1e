//! What a data set has for each sample besides its features, as a type.

use core::fmt::Debug;

use crate::{
    label::{Label, Logits},
    shape::{Features, Shape},
};

/// Seals [`Target`]: losses and engines rely on what a data set holds.
mod sealed {
    pub trait Sealed {}
    impl<const C: usize> Sealed for super::Classes<C> {}
    impl<const N: usize> Sealed for super::Values<N> {}
    impl<L: super::Label> Sealed for L {}
}

/// A label below `C` for each sample, for classification. `C` is at most 256, as a label is a byte.
#[derive(Clone, Copy, Debug)]
pub struct Classes<const C: usize>;

/// `N` values for each sample, for regression.
#[derive(Clone, Copy, Debug)]
pub struct Values<const N: usize>;

/// The target of a sample: [`Classes`], classes with names ([`Label`]), or [`Values`].
///
/// ```
/// use tuplenet::{shape::{Features, Shape}, target::{Classes, Target, Values}};
/// // A network gives one logit for each class, or one output for each value.
/// assert_eq!(<Classes<10> as Target>::Output::LEN, 10);
/// assert_eq!(<Values<1> as Target>::Output::LEN, 1);
/// ```
pub trait Target: sealed::Sealed + Copy + Debug + Send + Sync + 'static {
    /// The output shape of a network that learns this target.
    type Output: Shape;
}

impl<const C: usize> Target for Classes<C> {
    type Output = Features<C>;
}

impl<const N: usize> Target for Values<N> {
    type Output = Features<N>;
}

/// A label of classes with names.
impl<L: Label> Target for L {
    type Output = Logits<L>;
}
