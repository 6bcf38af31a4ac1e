//! What training makes small.

use serde::Serialize;

use crate::error::{Error, Result};

/// The loss of a batch: a mean over its samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Loss {
    /// Softmax cross-entropy for labels: `-(1/B) sum_b ln softmax(logits_b)[label_b]`.
    ///
    /// Source: `torch.nn.CrossEntropyLoss`.
    #[default]
    CrossEntropy,
    /// `1/(B C) sum_b sum_c (logits_bc - target_bc)^2`; a label's target is one-hot.
    ///
    /// Source: `torch.nn.MSELoss`.
    MeanSquaredError,
}

impl Loss {
    /// # Errors
    /// [`Error::Setting`] for cross-entropy on data without labels.
    pub(crate) fn check(self, labels: bool) -> Result<()> {
        if self == Loss::CrossEntropy && !labels {
            return Err(Error::Setting {
                setting: "loss",
                expected: "`Loss::MeanSquaredError` for a data set of target values".to_owned(),
                found: "`Loss::CrossEntropy`, which takes labels".to_owned(),
            });
        }
        Ok(())
    }

    /// One sample's loss in `f64`: `logits` and `targets` (one-hot for a label) are both `[C]`.
    pub(crate) fn of_sample(self, logits: &[f32], targets: &[f32]) -> f64 {
        let pairs = logits
            .iter()
            .zip(targets)
            .map(|(&y, &t)| (f64::from(y), f64::from(t)));
        match self {
            Loss::CrossEntropy => {
                let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let sum: f64 = logits.iter().map(|&y| f64::from(y - max).exp()).sum();
                pairs
                    .map(|(y, t)| t * (f64::from(max) + sum.ln() - y))
                    .sum()
            }
            Loss::MeanSquaredError => {
                pairs.map(|(y, t)| (y - t) * (y - t)).sum::<f64>() / logits.len() as f64
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // ln 4 for four equal logits, whatever their size
        let uniform = Loss::CrossEntropy.of_sample(&[300.0; 4], &[0.0, 1.0, 0.0, 0.0]);
        assert!((uniform - 4f64.ln()).abs() < 1e-12);
        // softmax([0, ln 3]) = [1/4, 3/4]
        let skewed = Loss::CrossEntropy.of_sample(&[0.0, 3f32.ln()], &[1.0, 0.0]);
        assert!((skewed - 4f64.ln()).abs() < 1e-7);
        assert_eq!(
            Loss::MeanSquaredError.of_sample(&[1.0, 3.0], &[0.0, 1.0]),
            2.5
        );
    }
}
