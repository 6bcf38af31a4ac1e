//! The counts of a binary score at each threshold, of which curves are made.

use crate::error::{Error, Result};

/// The samples whose score is at least `threshold`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Counts {
    pub(super) threshold: f64,
    /// How many of them are positive.
    pub(super) true_positives: u64,
    /// How many of them are negative.
    pub(super) false_positives: u64,
}

/// The counts at each different score, in descending order; the last are those of all samples.
///
/// Source: `sklearn.metrics.confusion_matrix_at_thresholds`.
pub(super) fn counts(scores: &[f64], labels: &[bool]) -> Vec<Counts> {
    let mut samples: Vec<(f64, bool)> =
        scores.iter().copied().zip(labels.iter().copied()).collect();
    samples.sort_unstable_by(|(a, _), (b, _)| b.total_cmp(a));
    let mut counts: Vec<Counts> = Vec::new();
    let mut all = [0, 0];
    for (score, is_positive) in samples {
        all[usize::from(is_positive)] += 1;
        let reached = Counts {
            threshold: score,
            true_positives: all[1],
            false_positives: all[0],
        };
        match counts.last_mut() {
            // samples with equal scores pass a threshold together
            Some(last) if last.threshold == score => *last = reached,
            _ => counts.push(reached),
        }
    }
    counts
}

/// # Errors
/// [`Error::Data`] without samples, without a label for each score, and for a score that is not finite.
pub(super) fn check(scores: &[f64], labels: &[bool]) -> Result<()> {
    let refused = |sample, expected: &str, found| {
        Err(Error::Data {
            sample,
            expected: expected.to_owned(),
            found,
        })
    };
    if scores.is_empty() {
        return refused(None, "1 score or more", "none".to_owned());
    }
    if labels.len() != scores.len() {
        let found = format!("{} labels for {} scores", labels.len(), scores.len());
        return refused(None, "one label for each score", found);
    }
    match scores.iter().position(|score| !score.is_finite()) {
        Some(at) => refused(Some(at), "a finite score", scores[at].to_string()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_scores_are_one_threshold() {
        // zeros of either sign are equal
        let scores = [0.5, 0.0, 0.5, -0.0, 0.7];
        let found = counts(&scores, &[true, false, false, true, true]);
        let of = |counts: &Counts| {
            (
                counts.threshold,
                counts.true_positives,
                counts.false_positives,
            )
        };
        let found: Vec<_> = found.iter().map(of).collect();
        assert_eq!(found, [(0.7, 1, 0), (0.5, 2, 1), (0.0, 3, 2)]);
    }

    #[test]
    fn scores_that_are_not_finite_and_missing_labels_are_refused() {
        let says = |scores: &[f64], labels: &[bool], words: &str| {
            let text = check(scores, labels).unwrap_err().to_string();
            assert_eq!(text, format!("data set: expected {words}"));
        };
        says(&[], &[], "1 score or more, found none");
        let words = "one label for each score, found 1 labels for 2 scores";
        says(&[0.0, 1.0], &[true], words);
        let words = "a finite score, found NaN (sample 1)";
        says(&[0.0, f64::NAN], &[true, false], words);
        let words = "a finite score, found inf (sample 0)";
        says(&[f64::INFINITY, 0.0], &[true, false], words);
    }
}
