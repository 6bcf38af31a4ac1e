//! [`Calibration`]: whether a network's confidence matches its accuracy.

use std::fmt;

use crate::{
    error::{Error, Result},
    metrics::Evaluation,
    objective::at_least_one,
};

/// A reliability diagram as a table: confidences from 0 to 1 in `M` bins of equal width, each with the accuracy and
/// the mean confidence of its samples.
///
/// A sample's confidence is the softmax probability of its predicted class. Bin `m`, from 0, has the samples whose
/// confidence is above `m / M` and at most `(m + 1) / M`; the first also includes 0.
///
/// Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", 2017, section 2.
///
/// ```
/// use tuplenet::explain::Calibration;
///
/// let predictions = [(0.9, true), (0.9, true), (0.9, false), (0.3, true)];
/// let calibration = Calibration::new(predictions, 2)?;
/// let sure = calibration.bins()[1];
/// assert_eq!((sure.count, sure.accuracy()), (3, Some(2.0 / 3.0)));
/// // 3/4 |2/3 - 0.9| + 1/4 |1 - 0.3|
/// assert!((calibration.expected_error() - 0.35).abs() < 1e-12);
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    bins: Vec<Bin>,
}

/// The samples of one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// The number of samples.
    pub count: u64,
    /// How many of them were classified correctly.
    pub right: u64,
    /// The sum of their confidences.
    pub confidence_sum: f64,
}

impl Bin {
    /// The fraction classified correctly, from 0 to 1, or `None` without samples.
    pub fn accuracy(&self) -> Option<f64> {
        (self.count > 0).then(|| self.right as f64 / self.count as f64)
    }

    /// The mean confidence, or `None` without samples.
    pub fn confidence(&self) -> Option<f64> {
        (self.count > 0).then(|| self.confidence_sum / self.count as f64)
    }

    /// `count (accuracy - confidence)`.
    fn excess(&self) -> f64 {
        self.right as f64 - self.confidence_sum
    }
}

impl Calibration {
    /// The table of an evaluation, in `bins` bins.
    ///
    /// # Errors
    /// As [`Calibration::new`]; the confidence of non-finite logits is NaN.
    pub fn of(evaluation: &Evaluation, bins: usize) -> Result<Self> {
        let right = evaluation.labels.iter().zip(&evaluation.predictions);
        let right = right.map(|(label, prediction)| label == prediction);
        Self::new(evaluation.confidences.iter().copied().zip(right), bins)
    }

    /// The table of `predictions`, each a confidence and whether it was correct, in `bins` bins.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 bins; [`Error::Data`] for no predictions, and for a confidence outside `0..=1`.
    pub fn new(predictions: impl IntoIterator<Item = (f64, bool)>, bins: usize) -> Result<Self> {
        at_least_one("bins", bins)?;
        let mut table = vec![Bin::default(); bins];
        for (sample, (confidence, is_right)) in predictions.into_iter().enumerate() {
            if !(0.0..=1.0).contains(&confidence) {
                return Err(Error::Data {
                    sample: Some(sample),
                    expected: "a confidence from 0 to 1".to_owned(),
                    found: confidence.to_string(),
                });
            }
            let bin = &mut table[place(confidence, bins)];
            bin.count += 1;
            bin.right += u64::from(is_right);
            bin.confidence_sum += confidence;
        }
        if table.iter().all(|bin| bin.count == 0) {
            return Err(Error::Data {
                sample: None,
                expected: "1 prediction or more".to_owned(),
                found: "none".to_owned(),
            });
        }
        Ok(Calibration { bins: table })
    }

    /// The `M` bins, from confidence 0 to 1.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// The expected calibration error, from 0 to 1: `sum_m n_m / n |accuracy_m - confidence_m|` over the non-empty
    /// bins.
    pub fn expected_error(&self) -> f64 {
        let samples: u64 = self.bins.iter().map(|bin| bin.count).sum();
        let sum: f64 = self.bins.iter().map(|bin| bin.excess().abs()).sum();
        sum / samples as f64
    }
}

/// The bin of a confidence: the first whose upper bound it does not exceed.
fn place(confidence: f64, bins: usize) -> usize {
    (1..bins)
        .take_while(|&m| confidence > m as f64 / bins as f64)
        .count()
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "confidence, %     samples   mean, %   right, %")?;
        let percent = |share: Option<f64>| match share {
            Some(share) => format!("{:.2}", share * 100.0),
            None => "-".to_owned(),
        };
        let width = 100.0 / self.bins.len() as f64;
        for (m, bin) in self.bins.iter().enumerate() {
            let (from, to) = (m as f64 * width, (m + 1) as f64 * width);
            write!(f, "{from:>5.1} to {to:>5.1}{:>12}", bin.count)?;
            writeln!(
                f,
                "{:>10}{:>11}",
                percent(bin.confidence()),
                percent(bin.accuracy())
            )?;
        }
        let error = self.expected_error() * 100.0;
        write!(f, "expected calibration error {error:.2} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_equal_to_accuracy_has_no_error() {
        let predictions = (0..4).map(|i| (0.75, i > 0)).chain([(1.0, true); 3]);
        let calibration = Calibration::new(predictions, 10).unwrap();
        assert_eq!(calibration.expected_error(), 0.0);
        // always confident, never correct
        let wrong = Calibration::new([(1.0, false); 5], 15).unwrap();
        assert_eq!(wrong.expected_error(), 1.0);
        // errors of bins do not cancel: |1 - 0.9|/2 + |0 - 0.4|/2
        let mixed = Calibration::new([(0.9, true), (0.4, false)], 2).unwrap();
        assert!((mixed.expected_error() - 0.25).abs() < 1e-12);
        // within one bin they do: |1/2 - 0.65|
        let one = Calibration::new([(0.9, true), (0.4, false)], 1).unwrap();
        assert!((one.expected_error() - 0.15).abs() < 1e-12);
    }

    #[test]
    fn bins_include_their_upper_bound_and_the_first_includes_zero() {
        for bins in [1, 2, 7, 10, 15, 100] {
            for m in 0..bins {
                let upper = (m + 1) as f64 / bins as f64;
                assert_eq!(place(upper, bins), m, "{upper} of {bins}");
                let above = upper.next_up();
                assert_eq!(place(above, bins), (m + 1).min(bins - 1));
            }
            assert_eq!(place(0.0, bins), 0);
        }
    }

    #[test]
    fn the_table_is_printed_with_a_line_per_bin() {
        let predictions = [(0.9, true), (0.9, true), (0.9, false)];
        let text = Calibration::new(predictions, 2).unwrap().to_string();
        let expected = "\
confidence, %     samples   mean, %   right, %
  0.0 to  50.0           0         -          -
 50.0 to 100.0           3     90.00      66.67
expected calibration error 23.33 %";
        assert_eq!(text, expected);
    }

    #[test]
    fn invalid_bins_and_confidences_are_refused() {
        let says = |result: Result<Calibration>, words: &str| {
            assert_eq!(result.unwrap_err().to_string(), words);
        };
        says(
            Calibration::new([(0.5, true)], 0),
            "bins: expected 1 or more, found 0",
        );
        says(
            Calibration::new([], 3),
            "data set: expected 1 prediction or more, found none",
        );
        says(
            Calibration::new([(0.5, true), (f64::NAN, true)], 3),
            "data set: expected a confidence from 0 to 1, found NaN (sample 1)",
        );
        says(
            Calibration::new([(1.5, true)], 3),
            "data set: expected a confidence from 0 to 1, found 1.5 (sample 0)",
        );
    }
}
