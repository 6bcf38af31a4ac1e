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

/// The target of a sample: [`Classes`], classes with names ([`Label`]), [`Values`] or [`MultiLabel`].
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
    /// The target of one sample, as [`Dataset::from_records`](crate::data::Dataset::from_records) takes it.
    type Item;

    /// The target of one sample, as a data set stores it.
    fn value(item: &Self::Item) -> TargetValue<'_>;
}

/// The target of one sample, as a data set stores it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TargetValue<'a> {
    /// The class, counted from 0.
    Label(usize),
    /// The values.
    Values(&'a [f32]),
    /// Whether the sample has each label.
    MultiLabel(&'a [bool]),
}

impl<const C: usize> Target for Classes<C> {
    type Output = Features<C>;
    /// The class, counted from 0.
    type Item = usize;

    fn value(item: &usize) -> TargetValue<'_> {
        TargetValue::Label(*item)
    }
}

impl<const N: usize> Target for Values<N> {
    type Output = Features<N>;
    /// The values.
    type Item = [f32; N];

    fn value(item: &[f32; N]) -> TargetValue<'_> {
        TargetValue::Values(item)
    }
}

/// A label of classes with names.
impl<L: Label> Target for L {
    type Output = Logits<L>;
    /// The class.
    type Item = L;

    fn value(item: &L) -> TargetValue<'_> {
        TargetValue::Label(item.index())
    }
}

impl<const N: usize> Target for MultiLabel<N> {
    type Output = Features<N>;
    /// Whether the sample has each label.
    type Item = [bool; N];

    fn value(item: &[bool; N]) -> TargetValue<'_> {
        TargetValue::MultiLabel(item)
    }
}
