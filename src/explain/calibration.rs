//! [`Calibration`]: whether a network is right as often as it says.

use std::fmt;

use crate::{
    error::{Error, Result},
    metrics::Evaluation,
    objective::at_least_one,
};

/// A reliability table: the range of confidence from 0 to 1 in `M` equal bins, and what became of the samples in each.
///
/// A sample's confidence is the softmax's probability of the class read. Bin `m`, from 0, has the samples whose
/// confidence is above `m / M` and not above `(m + 1) / M`; the first has 0 as well.
///
/// Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", 2017, section 2.
///
/// ```
/// use tuplenet::explain::Calibration;
///
/// let readings = [(0.9, true), (0.9, true), (0.9, false), (0.3, true)];
/// let calibration = Calibration::new(readings, 2)?;
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

/// The samples of one range of confidence.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// How many there are.
    pub count: u64,
    /// How many of them were classified correctly.
    pub right: u64,
    /// The sum of their confidences.
    pub confidence_sum: f64,
}

impl Bin {
    /// The share classified correctly, from 0 to 1, or `None` where there are no samples.
    pub fn accuracy(&self) -> Option<f64> {
        (self.count > 0).then(|| self.right as f64 / self.count as f64)
    }

    /// The mean confidence, or `None` where there are no samples.
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
    /// As [`Calibration::new`]: confidences of logits that are not finite are no numbers.
    pub fn of(evaluation: &Evaluation, bins: usize) -> Result<Self> {
        let right = evaluation.labels.iter().zip(&evaluation.predictions);
        let right = right.map(|(label, prediction)| label == prediction);
        Self::new(evaluation.confidences.iter().copied().zip(right), bins)
    }

    /// The table of `readings`, each a confidence and whether it was right, in `bins` bins.
    ///
    /// # Errors
    /// [`Error::Setting`] for no bins; [`Error::Data`] for no readings, and for a confidence that is not
    /// from 0 to 1.
    pub fn new(readings: impl IntoIterator<Item = (f64, bool)>, bins: usize) -> Result<Self> {
        at_least_one("bins", bins)?;
        let mut table = vec![Bin::default(); bins];
        for (sample, (confidence, is_right)) in readings.into_iter().enumerate() {
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
                expected: "one reading or more".to_owned(),
                found: "none".to_owned(),
            });
        }
        Ok(Calibration { bins: table })
    }

    /// The `M` bins, from confidence 0 to 1.
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }

    /// The expected calibration error, from 0 to 1: `sum_m n_m / n |accuracy_m - confidence_m|` over the bins
    /// that have samples.
    pub fn expected_error(&self) -> f64 {
        let samples: u64 = self.bins.iter().map(|bin| bin.count).sum();
        let sum: f64 = self.bins.iter().map(|bin| bin.excess().abs()).sum();
        sum / samples as f64
    }
}

/// The bin of a confidence: the first whose upper end it is not above.
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
    fn a_network_that_is_right_as_often_as_it_says_has_no_error() {
        let readings = (0..4).map(|i| (0.75, i > 0)).chain([(1.0, true); 3]);
        let calibration = Calibration::new(readings, 10).unwrap();
        assert_eq!(calibration.expected_error(), 0.0);
        // always sure, never right
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
    fn bins_are_closed_above_and_the_first_below_as_well() {
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
    fn the_table_is_printed_with_a_line_a_bin() {
        let readings = [(0.9, true), (0.9, true), (0.9, false)];
        let text = Calibration::new(readings, 2).unwrap().to_string();
        let expected = "\
confidence, %     samples   mean, %   right, %
  0.0 to  50.0           0         -          -
 50.0 to 100.0           3     90.00      66.67
expected calibration error 23.33 %";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_makes_no_table_is_refused() {
        let says = |result: Result<Calibration>, words: &str| {
            assert_eq!(result.unwrap_err().to_string(), words);
        };
        says(
            Calibration::new([(0.5, true)], 0),
            "bins: expected 1 or more, found 0",
        );
        says(
            Calibration::new([], 3),
            "data set: expected one reading or more, found none",
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
