//! Losses as types: which loss fits which target is checked at compile time.

use super::Loss;
use crate::{
    label::Label,
    target::{Classes, Target, Values},
};

/// A target that the loss `L` takes.
///
/// [`CrossEntropy`] takes [`Classes`], [`MeanSquaredError`] takes [`Values`]. With any other pair, a training does not
/// compile:
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
/// A [`Loss`], which is chosen at run time, takes every target here; training then refuses one that does not fit.
#[diagnostic::on_unimplemented(
    message = "the loss `{L}` does not take the targets `{Self}`",
    label = "the loss does not fit the targets of the data set",
    note = "take `.loss(MeanSquaredError)` for `Values`, `CrossEntropy` (the default) for `Classes`, and \
        `.loss(OneHot(MeanSquaredError))` for squared errors of one-hot encoded classes"
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

/// [`Loss::MeanSquaredError`], for [`Values`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeanSquaredError;

/// A loss for values, applied to one-hot encoded [`Classes`].
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

impl From<MeanSquaredError> for Loss {
    fn from(_: MeanSquaredError) -> Loss {
        Loss::MeanSquaredError
    }
}

impl From<OneHot<MeanSquaredError>> for Loss {
    fn from(_: OneHot<MeanSquaredError>) -> Loss {
        Loss::MeanSquaredError
    }
}

#[diagnostic::do_not_recommend]
impl<const C: usize> TargetOf<CrossEntropy> for Classes<C> {}
#[diagnostic::do_not_recommend]
impl<const C: usize> TargetOf<SmoothedCrossEntropy> for Classes<C> {}
#[diagnostic::do_not_recommend]
impl<L: Label> TargetOf<CrossEntropy> for L {}
#[diagnostic::do_not_recommend]
impl<L: Label> TargetOf<SmoothedCrossEntropy> for L {}
#[diagnostic::do_not_recommend]
impl<L: Label> TargetOf<OneHot<MeanSquaredError>> for L {}
#[diagnostic::do_not_recommend]
impl<const N: usize> TargetOf<MeanSquaredError> for Values<N> {}
#[diagnostic::do_not_recommend]
impl<const C: usize> TargetOf<OneHot<MeanSquaredError>> for Classes<C> {}
#[diagnostic::do_not_recommend]
impl<T: Target> TargetOf<Loss> for T {}
