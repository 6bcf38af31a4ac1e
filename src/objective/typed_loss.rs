//! Losses as types: which loss fits which target is checked at compile time.

use std::sync::Arc;

use super::{CustomLoss, Loss};
use crate::{
    label::{HasLogits, Label},
    shape::Features,
    target::{Classes, MultiLabel, Target, Values},
};

/// A target that the loss `L` takes.
///
/// | target | losses |
/// | --- | --- |
/// | [`Classes`] | [`CrossEntropy`], [`SmoothedCrossEntropy`], [`WeightedCrossEntropy`] with as many weights; [`OneHot`] of any below |
/// | [`Values`] | [`MeanSquaredError`], [`MeanAbsoluteError`], [`Huber`] |
/// | [`MultiLabel`] | [`BinaryCrossEntropy`] |
///
/// With any other pair, a training does not compile:
///
/// ```compile_fail,E0277
/// use tuplenet::{prelude::*, shape::Features, target::Values};
///
/// let line = Dataset::<Features<1>, Values<1>>::regression(vec![0., 1.], vec![1., 3.])?;
/// let mut net = Fused::<(Linear<1, 1>,)>::new(Weights::init(1))?;
/// Trainer::new(Sgd::default()).fit(&mut net, &line)?; // cross-entropy, the default, does not take `Values<1>`
/// # Ok::<(), tuplenet::Error>(())
/// ```
///
/// A [`Loss`], which is chosen at run time, takes every target here; training then refuses one that does not fit. For a
/// [`CustomLoss`], implement it for the targets that the loss takes.
#[diagnostic::on_unimplemented(
    message = "the loss `{L}` does not take the targets `{Self}`",
    label = "the loss does not fit the targets of the data set",
    note = "take `.loss(MeanSquaredError)`, `MeanAbsoluteError` or `Huber` for `Values`, `CrossEntropy` (the default) \
        or `WeightedCrossEntropy` with a weight for each class for `Classes`, `BinaryCrossEntropy` for `MultiLabel`, \
        and `.loss(OneHot(MeanSquaredError))` for squared errors of one-hot encoded classes"
)]
pub trait TargetOf<L>: Target {}

/// [`Loss::CrossEntropy`], for [`Classes`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropy;

/// [`Loss::SmoothedCrossEntropy`], for [`Classes`].
///
/// ```
/// use tuplenet::{objective::SmoothedCrossEntropy, prelude::*};
///
/// let trainer = Trainer::new(Adam::default()).loss(SmoothedCrossEntropy { smoothing: 0.1 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmoothedCrossEntropy {
    /// The fraction of a label's probability that is spread evenly over all classes, from 0 to 1.
    pub smoothing: f64,
}

/// [`Loss::WeightedCrossEntropy`], for [`Classes<C>`](Classes).
///
/// ```
/// use tuplenet::prelude::*;
///
/// // ten times as many samples of the first class
/// let loss = WeightedCrossEntropy { weights: [0.1, 1.0], smoothing: 0.0 };
/// let trainer = Trainer::new(Adam::default()).loss(loss);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightedCrossEntropy<const C: usize> {
    /// The weight of each class: finite, 0 or above, and not all 0.
    pub weights: [f32; C],
    /// The fraction of a label's probability that is spread evenly over all classes, from 0 to 1; 0 for none.
    pub smoothing: f64,
}

/// [`Loss::MeanSquaredError`], for [`Values`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeanSquaredError;

/// [`Loss::MeanAbsoluteError`], for [`Values`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeanAbsoluteError;

/// [`Loss::Huber`], for [`Values`].
///
/// ```
/// use tuplenet::prelude::*;
///
/// let trainer = Trainer::new(Adam::default()).loss(Huber { delta: 1.5 });
/// assert_eq!(Huber::default().delta, 1.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Huber {
    /// The error from which on the loss is linear; finite and above 0, 1 by default, as in PyTorch.
    pub delta: f64,
}

impl Default for Huber {
    fn default() -> Self {
        Huber { delta: 1.0 }
    }
}

/// [`Loss::BinaryCrossEntropy`], for [`MultiLabel`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BinaryCrossEntropy;

/// A loss for values or for several labels, applied to one-hot encoded [`Classes`].
///
/// ```
/// use tuplenet::{objective::OneHot, prelude::*};
///
/// let trainer = Trainer::new(Adam::default()).loss(OneHot(MeanSquaredError));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OneHot<L>(pub L);

impl From<CrossEntropy> for Loss {
    fn from(_: CrossEntropy) -> Loss {
        Loss::CrossEntropy
    }
}

impl From<SmoothedCrossEntropy> for Loss {
    fn from(loss: SmoothedCrossEntropy) -> Loss {
        Loss::SmoothedCrossEntropy {
            smoothing: loss.smoothing,
        }
    }
}

impl<const C: usize> From<WeightedCrossEntropy<C>> for Loss {
    fn from(loss: WeightedCrossEntropy<C>) -> Loss {
        Loss::WeightedCrossEntropy {
            weights: loss.weights.into(),
            smoothing: loss.smoothing,
        }
    }
}

impl From<MeanSquaredError> for Loss {
    fn from(_: MeanSquaredError) -> Loss {
        Loss::MeanSquaredError
    }
}

impl From<MeanAbsoluteError> for Loss {
    fn from(_: MeanAbsoluteError) -> Loss {
        Loss::MeanAbsoluteError
    }
}

impl From<Huber> for Loss {
    fn from(loss: Huber) -> Loss {
        Loss::Huber { delta: loss.delta }
    }
}

impl From<BinaryCrossEntropy> for Loss {
    fn from(_: BinaryCrossEntropy) -> Loss {
        Loss::BinaryCrossEntropy
    }
}

impl<L: CustomLoss> From<L> for Loss {
    fn from(loss: L) -> Loss {
        Loss::Custom(Arc::new(loss))
    }
}

#[diagnostic::do_not_recommend]
impl<const C: usize> TargetOf<CrossEntropy> for Classes<C> {}
#[diagnostic::do_not_recommend]
impl<const C: usize> TargetOf<SmoothedCrossEntropy> for Classes<C> {}
#[diagnostic::do_not_recommend]
impl<const C: usize> TargetOf<WeightedCrossEntropy<C>> for Classes<C> {}
#[diagnostic::do_not_recommend]
impl<L: Label> TargetOf<CrossEntropy> for L {}
#[diagnostic::do_not_recommend]
impl<L: Label> TargetOf<SmoothedCrossEntropy> for L {}
#[diagnostic::do_not_recommend]
impl<const C: usize, L: Label + HasLogits<Features<C>>> TargetOf<WeightedCrossEntropy<C>> for L {}
#[diagnostic::do_not_recommend]
impl<const N: usize> TargetOf<MeanSquaredError> for Values<N> {}
#[diagnostic::do_not_recommend]
impl<const N: usize> TargetOf<MeanAbsoluteError> for Values<N> {}
#[diagnostic::do_not_recommend]
impl<const N: usize> TargetOf<Huber> for Values<N> {}
#[diagnostic::do_not_recommend]
impl<const N: usize> TargetOf<BinaryCrossEntropy> for MultiLabel<N> {}
#[diagnostic::do_not_recommend]
impl<T: Target> TargetOf<Loss> for T {}

// One `impl` for every loss of values would need a trait of its own, with its own words.
macro_rules! one_hot {
    ($($loss:ident)*) => {$(
        impl From<OneHot<$loss>> for Loss {
            fn from(OneHot(loss): OneHot<$loss>) -> Loss {
                loss.into()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<const C: usize> TargetOf<OneHot<$loss>> for Classes<C> {}
        #[diagnostic::do_not_recommend]
        impl<L: Label> TargetOf<OneHot<$loss>> for L {}
    )*};
}
one_hot!(MeanSquaredError MeanAbsoluteError Huber BinaryCrossEntropy);
