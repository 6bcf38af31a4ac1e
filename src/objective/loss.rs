//! [`Loss`]: what training minimises.

use std::sync::Arc;

use serde::Serialize;

use super::{
    CustomLoss,
    range::{fraction, positive},
};
use crate::{
    data::Targets,
    error::{Error, Result},
};

/// The loss of a batch: a mean over its samples. A program that knows its loss when it is compiled names it by a type,
/// such as [`CrossEntropy`](super::CrossEntropy), which is then checked against the data; see
/// [`TargetOf`](super::TargetOf).
///
/// In the formulas `y` are the outputs of the network, for cross-entropies called logits, `[B, C]`.
///
/// ```
/// use tuplenet::prelude::*;
///
/// let smoothing = 0.1; // an option of the program
/// let loss = match smoothing {
///     0.0 => Loss::CrossEntropy,
///     smoothing => Loss::SmoothedCrossEntropy { smoothing },
/// };
/// let trainer = Trainer::new(Adam::default()).loss(loss);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Loss {
    /// Softmax cross-entropy for labels: `-(1/B) sum_b ln softmax(logits_b)[label_b]`.
    ///
    /// Source: `torch.nn.CrossEntropyLoss`.
    #[default]
    CrossEntropy,
    /// Softmax cross-entropy with label smoothing: `-(1/B) sum_b sum_c t_bc ln softmax(logits_b)[c]` with `t_bc = (1 -
    /// e) [c = label_b] + e / C`.
    ///
    /// It keeps the logits from growing without bound. Its minimum is above 0. It is used only in training:
    /// [`Evaluation`](crate::metrics::Evaluation) and the validation loss are plain cross-entropy, so that training
    /// runs with and without it are comparable.
    ///
    /// Source: `torch.nn.CrossEntropyLoss(label_smoothing=e)`; C. Szegedy et al., "Rethinking the Inception
    /// architecture for computer vision", 2015, <https://arxiv.org/abs/1512.00567>, section 7.
    SmoothedCrossEntropy {
        /// `e`, the fraction of a label's probability that is spread evenly over all classes, from 0 to 1.
        smoothing: f64,
    },
    /// Softmax cross-entropy with a weight for each class, and label smoothing: `-(1/W) sum_b sum_c w_c t_bc ln
    /// softmax(logits_b)[c]`, where `W = sum_b w[label_b]` is the weight of the batch, and `t` as for
    /// [`SmoothedCrossEntropy`](Loss::SmoothedCrossEntropy).
    ///
    /// It is for classes of different frequency, or of different importance. Samples of a class of weight 0 count only
    /// through smoothing, and the loss of a batch of such samples alone is NaN, as in PyTorch. The validation loss is
    /// weighted in the same way, but not smoothed; that of [`Evaluation`](crate::metrics::Evaluation) is not weighted
    /// either. An epoch's training loss is the mean of those of its batches.
    ///
    /// Source: `torch.nn.CrossEntropyLoss(weight=w, label_smoothing=e)`.
    WeightedCrossEntropy {
        /// `w`, `[C]`: finite, 0 or above, and not all 0.
        weights: Arc<[f32]>,
        /// `e`, from 0 to 1; 0 for none.
        smoothing: f64,
    },
    /// `1/(B C) sum_b sum_c (y_bc - target_bc)^2`; a label's target is one-hot.
    ///
    /// Source: `torch.nn.MSELoss`.
    MeanSquaredError,
    /// `1/(B C) sum_b sum_c |y_bc - target_bc|`, whose derivative at an error of 0 is 0; a label's target is one-hot.
    ///
    /// Outliers count less than in the mean squared error: its minimum is the median of the targets, not their mean.
    ///
    /// Source: `torch.nn.L1Loss`.
    MeanAbsoluteError,
    /// `1/(B C) sum_b sum_c h(y_bc - target_bc)` with `h(r) = r^2 / 2` where `|r| <= d`, else `d (|r| - d / 2)`; a
    /// label's target is one-hot.
    ///
    /// Source: `torch.nn.HuberLoss(delta=d)`; P. Huber, "Robust estimation of a location parameter", Annals of
    /// Mathematical Statistics, 1964.
    Huber {
        /// `d`, the error from which on the loss is linear; finite and above 0.
        delta: f64,
    },
    /// Sigmoid cross-entropy: `-1/(B C) sum_b sum_c (t_bc ln s_bc + (1 - t_bc) ln (1 - s_bc))` with `s =
    /// sigmoid(logits)`, and `t_bc` 1 if sample `b` has label `c`, else 0.
    ///
    /// It is computed from the logits as `(1 - t) y + max(-y, 0) + ln(1 + exp(-|y|))`, which no logit makes overflow.
    ///
    /// Source: `torch.nn.BCEWithLogitsLoss`.
    BinaryCrossEntropy,
    /// A loss of one's own.
    Custom(Arc<dyn CustomLoss>),
}

impl Loss {
    /// Checks the settings, and that the loss takes the targets of a data set for a network of `outputs` outputs.
    ///
    /// # Errors
    /// [`Error::Setting`] for a smoothing outside `0..=1`, for a delta or class weights out of their range, for another
    /// number of class weights than outputs, and for targets that the loss does not take.
    pub(crate) fn check(&self, targets: &Targets, outputs: usize) -> Result<()> {
        match self {
            Loss::SmoothedCrossEntropy { smoothing } => fraction("label smoothing", *smoothing)?,
            Loss::WeightedCrossEntropy { weights, smoothing } => {
                fraction("label smoothing", *smoothing)?;
                check_weights(weights)?;
            }
            Loss::Huber { delta } => positive("delta", *delta)?,
            _ => {}
        }
        let name = self.name();
        let fits = match targets {
            Targets::Labels(_) => true,
            Targets::Values(_) => !self.takes_labels() && *self != Loss::BinaryCrossEntropy,
            Targets::MultiLabels(_) => {
                matches!(self, Loss::BinaryCrossEntropy | Loss::Custom(_))
            }
        };
        if !fits {
            let losses = match targets {
                Targets::MultiLabels(_) => "`Loss::BinaryCrossEntropy`",
                _ => "`Loss::MeanSquaredError`, `MeanAbsoluteError` or `Huber`",
            };
            let taken = match self {
                Loss::BinaryCrossEntropy => "several labels per sample",
                _ if self.takes_labels() => "labels",
                _ => "target values",
            };
            return Err(Error::Setting {
                setting: "loss",
                expected: format!("{losses} for a data set of {}", targets.describe()),
                found: format!("`Loss::{name}`, which takes {taken}"),
            });
        }
        match self {
            Loss::WeightedCrossEntropy { weights, .. } if weights.len() != outputs => {
                Err(Error::Setting {
                    setting: "class weights",
                    expected: format!("{outputs}, one for each class"),
                    found: weights.len().to_string(),
                })
            }
            _ => Ok(()),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Loss::CrossEntropy => "CrossEntropy",
            Loss::SmoothedCrossEntropy { .. } => "SmoothedCrossEntropy",
            Loss::WeightedCrossEntropy { .. } => "WeightedCrossEntropy",
            Loss::MeanSquaredError => "MeanSquaredError",
            Loss::MeanAbsoluteError => "MeanAbsoluteError",
            Loss::Huber { .. } => "Huber",
            Loss::BinaryCrossEntropy => "BinaryCrossEntropy",
            Loss::Custom(_) => "Custom",
        }
    }

    /// Whether it is a softmax cross-entropy, which needs one label per sample.
    fn takes_labels(&self) -> bool {
        matches!(
            self,
            Loss::CrossEntropy
                | Loss::SmoothedCrossEntropy { .. }
                | Loss::WeightedCrossEntropy { .. }
        )
    }

    /// The loss that validation reports for training with this one: without label smoothing.
    pub(crate) fn measured(&self) -> Loss {
        match self {
            Loss::SmoothedCrossEntropy { .. } => Loss::CrossEntropy,
            Loss::WeightedCrossEntropy { weights, .. } => Loss::WeightedCrossEntropy {
                weights: Arc::clone(weights),
                smoothing: 0.0,
            },
            other => other.clone(),
        }
    }

    /// By what the sum of the losses of the samples `order` is divided: the sum of their weights, mostly their number. The
    /// weight of a sample is that of its class, times its own of `weights`, if the data set has any.
    pub(crate) fn divisor(&self, targets: &Targets, weights: Option<&[f32]>, order: &[u32]) -> f64 {
        let own = |sample: usize| weights.map_or(1.0, |weights| f64::from(weights[sample]));
        let samples = order.iter().map(|&sample| sample as usize);
        match (self, targets) {
            (Loss::WeightedCrossEntropy { weights, .. }, Targets::Labels(labels)) => {
                let of_class = |sample: usize| f64::from(weights[usize::from(labels[sample])]);
                samples.map(|sample| of_class(sample) * own(sample)).sum()
            }
            _ if weights.is_none() => order.len() as f64,
            _ => samples.map(own).sum(),
        }
    }
}

fn check_weights(weights: &[f32]) -> Result<()> {
    let legal = |weight: &f32| weight.is_finite() && *weight >= 0.0;
    let found = match weights.iter().find(|weight| !legal(weight)) {
        Some(weight) => weight.to_string(),
        None if weights.iter().all(|&weight| weight == 0.0) => "only 0".to_owned(),
        None => return Ok(()),
    };
    Err(Error::Setting {
        setting: "class weights",
        expected: "finite numbers, 0 or above, of which one is above 0".to_owned(),
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighted(weights: &[f32], smoothing: f64) -> Loss {
        Loss::WeightedCrossEntropy {
            weights: weights.into(),
            smoothing,
        }
    }

    #[test]
    fn training_is_validated_without_smoothing() {
        let smoothed = Loss::SmoothedCrossEntropy { smoothing: 0.1 };
        for (loss, measured) in [
            (Loss::CrossEntropy, Loss::CrossEntropy),
            (smoothed, Loss::CrossEntropy),
            (weighted(&[1.0, 2.0], 0.1), weighted(&[1.0, 2.0], 0.0)),
            (Loss::MeanSquaredError, Loss::MeanSquaredError),
            (Loss::Huber { delta: 2.0 }, Loss::Huber { delta: 2.0 }),
        ] {
            assert_eq!(loss.measured(), measured);
        }
    }

    #[test]
    fn the_divisor_is_the_weight_of_the_samples() {
        let labels = Targets::Labels(vec![0, 2, 1, 2]);
        let loss = weighted(&[1.0, 10.0, 0.5], 0.1);
        assert_eq!(loss.divisor(&labels, None, &[3, 2, 1]), 11.0);
        assert_eq!(Loss::CrossEntropy.divisor(&labels, None, &[3, 2, 1]), 3.0);
        let own = Some(&[4.0, 8.0, 0.5, 2.0][..]);
        assert_eq!(loss.divisor(&labels, own, &[3, 2, 1]), 1.0 + 5.0 + 4.0);
        assert_eq!(Loss::CrossEntropy.divisor(&labels, own, &[3, 2, 1]), 10.5);
    }

    #[track_caller]
    fn says(loss: Loss, targets: &Targets, words: &str) {
        assert_eq!(loss.check(targets, 3).unwrap_err().to_string(), words);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let labels = Targets::Labels(vec![0]);
        for legal in [0.0, 0.1, 1.0] {
            let loss = Loss::SmoothedCrossEntropy { smoothing: legal };
            assert!(loss.check(&labels, 3).is_ok());
            assert!(weighted(&[0.0, 1.0, 2.5], legal).check(&labels, 3).is_ok());
        }
        for (smoothing, found) in [(-0.1, "-0.1"), (10.0, "10"), (f64::NAN, "NaN")] {
            let words = format!("label smoothing: expected a number from 0 to 1, found {found}");
            says(Loss::SmoothedCrossEntropy { smoothing }, &labels, &words);
            says(weighted(&[1.0; 3], smoothing), &labels, &words);
        }
        assert!(Loss::Huber { delta: 0.1 }.check(&labels, 3).is_ok());
        for (delta, found) in [(0.0, "0"), (-1.0, "-1"), (f64::INFINITY, "inf")] {
            let words = format!("delta: expected a finite number above 0, found {found}");
            says(Loss::Huber { delta }, &labels, &words);
        }
        for (weights, found) in [
            (&[1.0, -2.0, 1.0], "-2"),
            (&[1.0, 1.0, f32::NAN], "NaN"),
            (&[f32::INFINITY, 1.0, 1.0], "inf"),
            (&[0.0; 3], "only 0"),
        ] {
            let words = format!(
                "class weights: expected finite numbers, 0 or above, of which one is above 0, found {found}"
            );
            says(weighted(weights, 0.0), &labels, &words);
        }
        let words = "class weights: expected 3, one for each class, found 2";
        says(weighted(&[1.0; 2], 0.0), &labels, words);
    }

    #[test]
    fn targets_that_a_loss_does_not_take_are_refused() {
        let (labels, values) = (Targets::Labels(vec![0]), Targets::Values(vec![0.0; 3]));
        let multi_labels = Targets::MultiLabels(vec![0]);
        let words = |for_values: bool, found: &str, taken: &str| {
            let expected = match for_values {
                true => {
                    "`Loss::MeanSquaredError`, `MeanAbsoluteError` or `Huber` for a data set of target values"
                }
                false => "`Loss::BinaryCrossEntropy` for a data set of several labels per sample",
            };
            format!("loss: expected {expected}, found `Loss::{found}`, which takes {taken}")
        };
        for (loss, name) in [
            (Loss::CrossEntropy, "CrossEntropy"),
            (
                Loss::SmoothedCrossEntropy { smoothing: 0.1 },
                "SmoothedCrossEntropy",
            ),
            (weighted(&[1.0; 3], 0.0), "WeightedCrossEntropy"),
        ] {
            assert!(loss.check(&labels, 3).is_ok());
            says(loss.clone(), &values, &words(true, name, "labels"));
            says(loss, &multi_labels, &words(false, name, "labels"));
        }
        for (loss, name) in [
            (Loss::MeanSquaredError, "MeanSquaredError"),
            (Loss::MeanAbsoluteError, "MeanAbsoluteError"),
            (Loss::Huber { delta: 1.0 }, "Huber"),
        ] {
            assert!(loss.check(&labels, 3).is_ok() && loss.check(&values, 3).is_ok());
            says(loss, &multi_labels, &words(false, name, "target values"));
        }
        let loss = Loss::BinaryCrossEntropy;
        assert!(loss.check(&labels, 3).is_ok() && loss.check(&multi_labels, 3).is_ok());
        let taken = "several labels per sample";
        says(loss, &values, &words(true, "BinaryCrossEntropy", taken));
    }
}
