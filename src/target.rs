//! What a data set has for each sample besides its features, as a type.

use core::fmt::Debug;

use crate::shape::{Features, Shape};

/// Seals [`Target`]: losses and engines rely on what a data set holds.
mod sealed {
    pub trait Sealed {}
    impl<const C: usize> Sealed for super::Classes<C> {}
    impl<const N: usize> Sealed for super::Values<N> {}
    impl<const N: usize> Sealed for super::MultiLabel<N> {}
}

/// A label below `C` for each sample, for classification. `C` is at most 256, as a label is a byte.
#[derive(Clone, Copy, Debug)]
pub struct Classes<const C: usize>;

/// `N` values for each sample, for regression.
#[derive(Clone, Copy, Debug)]
pub struct Values<const N: usize>;

/// Any number of `N` labels for each sample, for multi-label classification: `N` independent yes/no questions.
#[derive(Clone, Copy, Debug)]
pub struct MultiLabel<const N: usize>;

/// The target of a sample: [`Classes`], [`Values`] or [`MultiLabel`].
///
/// ```
/// use tuplenet::{shape::{Features, Shape}, target::{Classes, MultiLabel, Target, Values}};
/// // A network gives one logit for each class or label, or one output for each value.
/// assert_eq!(<Classes<10> as Target>::Output::LEN, 10);
/// assert_eq!(<Values<1> as Target>::Output::LEN, 1);
/// assert_eq!(<MultiLabel<20> as Target>::Output::LEN, 20);
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

impl<const N: usize> Target for MultiLabel<N> {
    type Output = Features<N>;
}
