//! [`Evaluate`]: which metrics a target has.

use std::fmt;

use super::{Evaluation, MultiLabelEvaluation, RegressionEvaluation, combine};
use crate::{
    data::Targets,
    label::Label,
    shape::Shape,
    target::{Classes, MultiLabel, Target, Values},
};

/// A target, and the metrics of predictions of it: those of [`Classes`] and of a [`Label`] are an [`Evaluation`], those of
/// [`Values`] a [`RegressionEvaluation`], those of [`MultiLabel`] a [`MultiLabelEvaluation`].
///
/// [`Engine::evaluate`](crate::engine::Engine::evaluate) returns what the type of the data set states. No other target
/// implements it, as [`Target`] is sealed.
///
/// ```
/// use tuplenet::{metrics::{Evaluate, Evaluation, RegressionEvaluation}, target::{Classes, Values}};
///
/// fn metrics_of_classes(metrics: <Classes<10> as Evaluate>::Evaluation) -> Evaluation { metrics }
/// fn metrics_of_values(metrics: <Values<2> as Evaluate>::Evaluation) -> RegressionEvaluation { metrics }
/// ```
pub trait Evaluate: Target {
    /// The metrics; `Display` prints them.
    type Evaluation: Clone + fmt::Debug + fmt::Display + PartialEq + Send + Sync + 'static;

    /// The metrics of `outputs`, `[n, O]` row-major, of the samples with these targets, in order.
    #[doc(hidden)]
    fn evaluation(targets: &Targets, outputs: Vec<f32>) -> Self::Evaluation;

    /// The outputs of several networks, each `[n, O]` row-major, as those of one.
    #[doc(hidden)]
    fn combined(members: &[Vec<f32>]) -> Vec<f32>;
}

impl<const C: usize> Evaluate for Classes<C> {
    type Evaluation = Evaluation;

    fn evaluation(targets: &Targets, outputs: Vec<f32>) -> Evaluation {
        match targets {
            Targets::Labels(labels) => {
                let labels = labels.iter().map(|&label| label.into()).collect();
                Evaluation::of(C, labels, &outputs)
            }
            _ => unreachable!("a data set of `Classes` has labels"),
        }
    }

    fn combined(members: &[Vec<f32>]) -> Vec<f32> {
        combine::mean_probabilities(members, C)
    }
}

/// With the names of the classes.
impl<L: Label> Evaluate for L {
    type Evaluation = Evaluation;

    fn evaluation(targets: &Targets, outputs: Vec<f32>) -> Evaluation {
        match targets {
            Targets::Labels(labels) => {
                let labels = labels.iter().map(|&label| label.into()).collect();
                let mut evaluation = Evaluation::of(L::Logits::LEN, labels, &outputs);
                evaluation.confusion.names = Some(L::NAMES);
                evaluation
            }
            _ => unreachable!("a data set of labels has labels"),
        }
    }

    fn combined(members: &[Vec<f32>]) -> Vec<f32> {
        combine::mean_probabilities(members, L::Logits::LEN)
    }
}

impl<const N: usize> Evaluate for Values<N> {
    type Evaluation = RegressionEvaluation;

    fn evaluation(targets: &Targets, outputs: Vec<f32>) -> RegressionEvaluation {
        match targets {
            Targets::Values(values) => RegressionEvaluation::of(N, values.clone(), outputs),
            _ => unreachable!("a data set of `Values` has target values"),
        }
    }

    fn combined(members: &[Vec<f32>]) -> Vec<f32> {
        combine::mean(members)
    }
}

impl<const N: usize> Evaluate for MultiLabel<N> {
    type Evaluation = MultiLabelEvaluation;

    fn evaluation(targets: &Targets, outputs: Vec<f32>) -> MultiLabelEvaluation {
        match targets {
            Targets::MultiLabels(bits) => MultiLabelEvaluation::of(N, bits, &outputs),
            _ => unreachable!("a data set of `MultiLabel` has several labels per sample"),
        }
    }

    fn combined(members: &[Vec<f32>]) -> Vec<f32> {
        combine::mean_of_labels(members)
    }
}
