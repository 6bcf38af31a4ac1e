//! [`Loss`]: what training minimises.

use serde::Serialize;

use super::range::fraction;
use crate::error::{Error, Result};

/// The loss of a batch: a mean over its samples. A program that knows its loss when it is compiled names it by a type,
/// such as [`CrossEntropy`](super::CrossEntropy), which is then checked against the data; see
/// [`TargetOf`](super::TargetOf).
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
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
    /// `1/(B C) sum_b sum_c (logits_bc - target_bc)^2`; a label's target is one-hot.
    ///
    /// Source: `torch.nn.MSELoss`.
    MeanSquaredError,
}

impl Loss {
    /// # Errors
    /// [`Error::Setting`] for a smoothing outside `0..=1`, and for cross-entropy on data without labels.
    pub(crate) fn check(self, labels: bool) -> Result<()> {
        let name = match self {
            Loss::CrossEntropy => "CrossEntropy",
            Loss::SmoothedCrossEntropy { smoothing } => {
                fraction("label smoothing", smoothing)?;
                "SmoothedCrossEntropy"
            }
            Loss::MeanSquaredError => return Ok(()),
        };
        if labels {
            return Ok(());
        }
        Err(Error::Setting {
            setting: "loss",
            expected: "`Loss::MeanSquaredError` for a data set of target values".to_owned(),
            found: format!("`Loss::{name}`, which takes labels"),
        })
    }

    /// The loss that validation reports for training with this one: without label smoothing.
    pub(crate) fn measured(self) -> Loss {
        match self {
            Loss::SmoothedCrossEntropy { .. } => Loss::CrossEntropy,
            other => other,
        }
    }

    /// One sample's loss in `f64`: `logits` and `targets` (one-hot for a label) are both `[C]`.
    pub(crate) fn of_sample(self, logits: &[f32], targets: &[f32]) -> f64 {
        let classes = logits.len() as f64;
        let pairs = logits
            .iter()
            .zip(targets)
            .map(|(&y, &t)| (f64::from(y), f64::from(t)));
        let cross_entropy = |smoothing: f64| {
            let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let max = f64::from(max);
            let sum: f64 = logits.iter().map(|&y| (f64::from(y) - max).exp()).sum();
            let smooth = |t: f64| (1.0 - smoothing) * t + smoothing / classes;
            // terms with a fraction of 0 are skipped: 0 times the loss of a logit of `-inf` is NaN
            let fractions = pairs.clone().map(|(y, t)| (y, smooth(t)));
            fractions
                .filter(|&(_, fraction)| fraction != 0.0)
                .map(|(y, fraction)| fraction * (max + sum.ln() - y))
                .sum()
        };
        match self {
            Loss::CrossEntropy => cross_entropy(0.0),
            Loss::SmoothedCrossEntropy { smoothing } => cross_entropy(smoothing),
            Loss::MeanSquaredError => pairs.map(|(y, t)| (y - t) * (y - t)).sum::<f64>() / classes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // ln 4 for four equal logits of any magnitude
        let uniform = Loss::CrossEntropy.of_sample(&[300.0; 4], &[0.0, 1.0, 0.0, 0.0]);
        assert!((uniform - 4f64.ln()).abs() < 1e-12);
        // softmax([0, ln 3]) = [1/4, 3/4]
        let skewed = Loss::CrossEntropy.of_sample(&[0.0, 3f32.ln()], &[1.0, 0.0]);
        assert!((skewed - 4f64.ln()).abs() < 1e-7);
        // and with half of the label spread: (3/4) ln 4 + (1/4) ln (4/3)
        let half = Loss::SmoothedCrossEntropy { smoothing: 0.5 };
        let smoothed = half.of_sample(&[0.0, 3f32.ln()], &[1.0, 0.0]);
        let expected = 0.75 * 4f64.ln() + 0.25 * (4.0 / 3f64).ln();
        assert!((smoothed - expected).abs() < 1e-7);
        assert_eq!(
            Loss::MeanSquaredError.of_sample(&[1.0, 3.0], &[0.0, 1.0]),
            2.5
        );
    }

    /// As `torch.nn.functional.cross_entropy` and `mse_loss`, for class 0.
    #[test]
    fn non_finite_logits_give_the_losses_of_pytorch() {
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        let of = |loss: Loss, logits: [f32; 3]| loss.of_sample(&logits, &[1.0, 0.0, 0.0]);
        for place in 0..3 {
            for bad in [nan, inf] {
                let mut logits = [0.5, 0.0, -1.0];
                logits[place] = bad;
                let all = [
                    Loss::CrossEntropy,
                    Loss::SmoothedCrossEntropy { smoothing: 0.1 },
                    Loss::MeanSquaredError,
                ];
                for loss in all {
                    let found = of(loss, logits);
                    let expected = bad == inf && loss == Loss::MeanSquaredError;
                    assert!(found == f64::INFINITY && expected || found.is_nan() && !expected);
                }
            }
        }
        // a class of probability 0 adds no loss, unless it is the label
        assert_eq!(of(Loss::CrossEntropy, [0.5, -inf, -inf]), 0.0);
        assert_eq!(of(Loss::CrossEntropy, [-inf, 0.5, 0.5]), f64::INFINITY);
        assert!(of(Loss::CrossEntropy, [-inf; 3]).is_nan());
    }

    #[test]
    fn training_is_validated_without_smoothing() {
        let smoothed = Loss::SmoothedCrossEntropy { smoothing: 0.1 };
        for (loss, measured) in [
            (Loss::CrossEntropy, Loss::CrossEntropy),
            (smoothed, Loss::CrossEntropy),
            (Loss::MeanSquaredError, Loss::MeanSquaredError),
        ] {
            assert_eq!(loss.measured(), measured);
        }
    }

    #[test]
    fn smoothing_out_of_range_and_data_without_labels_are_refused() {
        let says = |smoothing: f64, labels: bool, words: &str| {
            let loss = Loss::SmoothedCrossEntropy { smoothing };
            assert_eq!(loss.check(labels).unwrap_err().to_string(), words);
        };
        for legal in [0.0, 0.1, 1.0] {
            let loss = Loss::SmoothedCrossEntropy { smoothing: legal };
            assert!(loss.check(true).is_ok());
        }
        for (smoothing, found) in [(-0.1, "-0.1"), (10.0, "10"), (f64::NAN, "NaN")] {
            let words = format!("label smoothing: expected a number from 0 to 1, found {found}");
            says(smoothing, true, &words);
        }
        let words = "loss: expected `Loss::MeanSquaredError` for a data set of target values, \
            found `Loss::SmoothedCrossEntropy`, which takes labels";
        says(0.1, false, words);
    }
}
