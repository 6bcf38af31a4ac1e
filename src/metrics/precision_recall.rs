//! [`PrecisionRecallCurve`]: precision and recall at each threshold of a binary score.

use super::thresholds;
use crate::error::Result;

/// Precision and recall of a binary score at each threshold: of the samples whose score is at least the threshold, the
/// fraction that is positive; and the fraction of the positive samples that they are.
///
/// Source: `sklearn.metrics.precision_recall_curve`, `average_precision_score`.
///
/// ```
/// use tuplenet::metrics::PrecisionRecallCurve;
///
/// let curve = PrecisionRecallCurve::new(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// assert_eq!(curve.precision, [0.5, 2.0 / 3.0, 0.5, 1.0, 1.0]);
/// assert_eq!(curve.recall, [1.0, 1.0, 0.5, 0.5, 0.0]);
/// assert_eq!(curve.thresholds, [0.1, 0.35, 0.4, 0.8]);
/// assert_eq!(curve.average_precision(), Some(0.5 * (2.0 / 3.0) + 0.5 * 1.0));
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PrecisionRecallCurve {
    /// The precision at each threshold, then 1.
    pub precision: Vec<f64>,
    /// The recall at each threshold, descending, then 0; 1 at each threshold without positive samples.
    pub recall: Vec<f64>,
    /// The different scores, ascending; one fewer than `precision` and `recall`.
    pub thresholds: Vec<f64>,
    average_precision: Option<f64>,
}

impl PrecisionRecallCurve {
    /// The curve of `scores`, higher for samples that are more likely positive, and `labels`, `true` for the positive
    /// samples.
    ///
    /// # Errors
    /// As [`RocCurve::new`](super::RocCurve::new).
    pub fn new(scores: &[f64], labels: &[bool]) -> Result<Self> {
        thresholds::check(scores, labels)?;
        Ok(Self::of(scores, labels))
    }

    /// As [`PrecisionRecallCurve::new`], of slices that are valid.
    pub(super) fn of(scores: &[f64], labels: &[bool]) -> Self {
        let counts = thresholds::counts(scores, labels);
        let positives = counts.last().map_or(0, |all| all.true_positives);
        let mut curve = PrecisionRecallCurve {
            precision: vec![1.0],
            recall: vec![0.0],
            thresholds: Vec::with_capacity(counts.len()),
            average_precision: None,
        };
        let (mut sum, mut before) = (0.0, 0);
        for point in counts {
            let found = point.true_positives;
            let precision = found as f64 / (found + point.false_positives) as f64;
            sum += (found - before) as f64 * precision;
            before = found;
            curve.precision.push(precision);
            curve.recall.push(match positives {
                0 => 1.0,
                _ => found as f64 / positives as f64,
            });
            curve.thresholds.push(point.threshold);
        }
        curve.average_precision = (positives > 0).then(|| sum / positives as f64);
        curve.precision.reverse();
        curve.recall.reverse();
        curve.thresholds.reverse();
        curve
    }

    /// The average precision, from 0 to 1: `sum_k (R_k - R_(k-1)) P_k` over the thresholds in descending order, without
    /// interpolation. Random scores give about the fraction of positive samples.
    ///
    /// `None` without positive samples, for which scikit-learn returns 0.
    pub fn average_precision(&self) -> Option<f64> {
        self.average_precision
    }
}
