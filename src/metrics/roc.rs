//! [`RocCurve`]: the rates of true and false positives at each threshold of a binary score.

use super::thresholds::{self, Counts};
use crate::error::Result;

/// The receiver operating characteristic of a binary score: of each threshold, the fraction of the negative samples
/// (false positives) and of the positive samples (true positives) whose score is at least the threshold.
///
/// Samples with equal scores pass a threshold together. Thresholds at which the curve goes straight on are left out.
///
/// Source: `sklearn.metrics.roc_curve`, `roc_auc_score`; T. Fawcett, "An introduction to ROC analysis", 2006.
///
/// ```
/// use tuplenet::metrics::RocCurve;
///
/// let curve = RocCurve::new(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?;
/// assert_eq!(curve.false_positive_rates, [0.0, 0.0, 0.5, 0.5, 1.0]);
/// assert_eq!(curve.true_positive_rates, [0.0, 0.5, 0.5, 1.0, 1.0]);
/// assert_eq!(curve.thresholds, [f64::INFINITY, 0.8, 0.4, 0.35, 0.1]);
/// assert_eq!(curve.area(), Some(0.75));
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RocCurve {
    /// The fraction of negative samples at or above each threshold, from 0 to 1; NaN without negative samples.
    pub false_positive_rates: Vec<f64>,
    /// The fraction of positive samples at or above each threshold, from 0 to 1; NaN without positive samples.
    pub true_positive_rates: Vec<f64>,
    /// The thresholds, descending: infinity, where no sample is positive, then scores.
    pub thresholds: Vec<f64>,
    area: Option<f64>,
}

impl RocCurve {
    /// The curve of `scores`, higher for samples that are more likely positive, and `labels`, `true` for the positive
    /// samples.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) without samples, without a label for each score, and for a score that
    /// is not finite.
    pub fn new(scores: &[f64], labels: &[bool]) -> Result<Self> {
        thresholds::check(scores, labels)?;
        Ok(Self::of(scores, labels))
    }

    /// As [`RocCurve::new`], of slices that are valid.
    pub(super) fn of(scores: &[f64], labels: &[bool]) -> Self {
        let counts = thresholds::counts(scores, labels);
        let area = area(&counts);
        let start = Counts {
            threshold: f64::INFINITY,
            true_positives: 0,
            false_positives: 0,
        };
        let points: Vec<Counts> = std::iter::once(start).chain(corners(&counts)).collect();
        let rates = |count: fn(&Counts) -> u64| {
            let all = counts.last().map_or(0, count) as f64;
            // 0 / 0 is NaN
            let rates = points.iter().map(|point| match all {
                0.0 => f64::NAN,
                _ => count(point) as f64 / all,
            });
            rates.collect()
        };
        RocCurve {
            false_positive_rates: rates(|point| point.false_positives),
            true_positive_rates: rates(|point| point.true_positives),
            thresholds: points.iter().map(|point| point.threshold).collect(),
            area,
        }
    }

    /// The area under the curve, from 0 to 1: the fraction of the pairs of a positive and a negative sample in which
    /// the positive one has the higher score; pairs with equal scores count one half. 0.5 for random scores.
    ///
    /// `None` without positive or without negative samples.
    pub fn area(&self) -> Option<f64> {
        self.area
    }
}

/// The area by the trapezoidal rule. Counts are integers, so up to 2^53 pairs it is the exact fraction, rounded once.
fn area(counts: &[Counts]) -> Option<f64> {
    let last = counts.last()?;
    let pairs = last.true_positives as f64 * last.false_positives as f64;
    let (mut twice, mut before) = (0.0, (0, 0));
    for point in counts {
        let width = point.false_positives - before.1;
        twice += width as f64 * (point.true_positives + before.0) as f64;
        before = (point.true_positives, point.false_positives);
    }
    (pairs > 0.0).then(|| twice / 2.0 / pairs)
}

/// The counts without those whose steps from the previous and to the next are the same.
fn corners(counts: &[Counts]) -> impl Iterator<Item = Counts> {
    counts.iter().enumerate().filter_map(|(at, &point)| {
        let neighbors = at.checked_sub(1).and_then(|at| counts.get(at..at + 3));
        let is_straight = |[a, b, c]: [u64; 3]| b - a == c - b;
        let goes_on = neighbors.is_some_and(|three| {
            let [a, b, c] = [three[0], three[1], three[2]];
            is_straight([a, b, c].map(|point| point.true_positives))
                && is_straight([a, b, c].map(|point| point.false_positives))
        });
        (!goes_on).then_some(point)
    })
}
