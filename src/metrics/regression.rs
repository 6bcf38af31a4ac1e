//! [`RegressionEvaluation`]: the errors of predicted values.
//!
//! Dims: `n` samples, `N` target values.

use std::fmt;

use crate::{
    error::{Error, Result},
    objective::{Loss, at_least_one},
};

/// MAE, RMSE and R² of predicted values: of each target value, and their means.
///
/// ```
/// use tuplenet::metrics::RegressionEvaluation;
///
/// // three samples of one target value
/// let evaluation = RegressionEvaluation::new(1, vec![1.0, 2.0, 3.0], vec![1.0, 2.0, 6.0])?;
/// assert_eq!((evaluation.mae(), evaluation.rmse()), (1.0, 3f64.sqrt()));
/// assert_eq!(evaluation.r2(), 1.0 - 9.0 / 2.0);
/// assert_eq!(evaluation.to_string(), "MAE 1.0000, RMSE 1.7321, R2 -3.5000\n");
/// # Ok::<(), tuplenet::Error>(())
/// ```
///
/// They are in the units of the targets. Where a network learns scaled targets, its outputs and the targets have to be
/// scaled back for errors in the original units; R² is the same.
///
/// A prediction that is not finite makes the metrics of its target value, their means and the loss NaN or infinite.
#[derive(Clone, Debug, PartialEq)]
pub struct RegressionEvaluation {
    /// Mean squared error over all samples and target values, as [`Loss::MeanSquaredError`].
    pub loss: f64,
    /// `[N]`: the metrics of each target value.
    pub values: Vec<RegressionScores>,
    /// `[n, N]` row-major: the target values of each sample, in order.
    pub targets: Vec<f32>,
    /// `[n, N]` row-major: the predicted values of each sample, in order.
    pub predictions: Vec<f32>,
}

/// The metrics of one target value `t` and its predictions `y`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegressionScores {
    /// The mean absolute error, `(1/n) sum |y - t|`.
    pub mae: f64,
    /// The root of the mean squared error, `sqrt((1/n) sum (y - t)²)`.
    pub rmse: f64,
    /// The coefficient of determination, `R² = 1 - sum (y - t)² / sum (t - mean(t))²`: 1 for a perfect prediction, 0 for
    /// one that is as good as the mean, negative for a worse one.
    ///
    /// Of a target that is the same in all samples, it is 1 if the prediction is perfect, else 0; of a single sample it
    /// is NaN.
    ///
    /// Source: `sklearn.metrics.r2_score` with `force_finite=True`, its default.
    pub r2: f64,
}

impl RegressionEvaluation {
    /// The metrics of `predictions`, `[n, N]` row-major, with these `targets`, `[n, N]`, of `values` target values, `N`.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 values; [`Error::Data`] without samples, when `targets` is not a whole number of
    /// samples, and when `predictions` does not have the same length.
    pub fn new(values: usize, targets: Vec<f32>, predictions: Vec<f32>) -> Result<Self> {
        at_least_one("target values", values)?;
        let refused = |expected, found: usize| {
            Err(Error::Data {
                sample: None,
                expected,
                found: found.to_string(),
            })
        };
        if targets.is_empty() || !targets.len().is_multiple_of(values) {
            let expected = format!("{values} target values for each of 1 sample or more");
            return refused(expected, targets.len());
        }
        if predictions.len() != targets.len() {
            let expected = format!("{} predictions, one for each target value", targets.len());
            return refused(expected, predictions.len());
        }
        Ok(Self::of(values, targets, predictions))
    }

    /// As [`RegressionEvaluation::new`], of slices that are valid.
    pub(super) fn of(values: usize, targets: Vec<f32>, predictions: Vec<f32>) -> Self {
        let rows = predictions
            .chunks_exact(values)
            .zip(targets.chunks_exact(values));
        let losses = rows.map(|(y, t)| Loss::MeanSquaredError.of_sample(y, t));
        let loss = losses.sum::<f64>() / (targets.len() / values) as f64;
        let scores = |value: usize| {
            let column = |all: &[f32]| -> Vec<f64> {
                let column = all.iter().skip(value).step_by(values);
                column.copied().map(f64::from).collect()
            };
            RegressionScores::of(&column(&targets), &column(&predictions))
        };
        RegressionEvaluation {
            loss,
            values: (0..values).map(scores).collect(),
            targets,
            predictions,
        }
    }

    /// The mean absolute error, a mean over the target values.
    pub fn mae(&self) -> f64 {
        self.mean(|scores| scores.mae)
    }

    /// The root mean squared error: the mean over the target values of their RMSE, as in
    /// `sklearn.metrics.root_mean_squared_error`, and not the root of the loss.
    pub fn rmse(&self) -> f64 {
        self.mean(|scores| scores.rmse)
    }

    /// R², a mean over the target values.
    pub fn r2(&self) -> f64 {
        self.mean(|scores| scores.r2)
    }

    fn mean(&self, of: impl Fn(&RegressionScores) -> f64) -> f64 {
        self.values.iter().map(of).sum::<f64>() / self.values.len() as f64
    }
}

impl RegressionScores {
    fn of(targets: &[f64], predictions: &[f64]) -> Self {
        let n = targets.len() as f64;
        let errors = || predictions.iter().zip(targets).map(|(y, t)| y - t);
        let squares: f64 = errors().map(|error| error * error).sum();
        let mean = targets.iter().sum::<f64>() / n;
        let variation: f64 = targets.iter().map(|t| (t - mean) * (t - mean)).sum();
        let r2 = if targets.len() < 2 || !squares.is_finite() {
            f64::NAN
        } else if squares == 0.0 {
            1.0
        } else if variation == 0.0 {
            0.0
        } else {
            1.0 - squares / variation
        };
        RegressionScores {
            mae: errors().map(f64::abs).sum::<f64>() / n,
            rmse: (squares / n).sqrt(),
            r2,
        }
    }
}

impl fmt::Display for RegressionEvaluation {
    /// As in `MAE 0.5000, RMSE 0.7500, R2 0.9000`; with more than one target value, a row for each and their means.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [RegressionScores { mae, rmse, r2 }] = &self.values[..] {
            return writeln!(f, "MAE {mae:.4}, RMSE {rmse:.4}, R2 {r2:.4}");
        }
        writeln!(f, "{:>6}{:>14}{:>14}{:>10}", "value", "MAE", "RMSE", "R2")?;
        for (value, RegressionScores { mae, rmse, r2 }) in self.values.iter().enumerate() {
            writeln!(f, "{value:>6}{mae:>14.4}{rmse:>14.4}{r2:>10.4}")?;
        }
        let (mae, rmse, r2) = (self.mae(), self.rmse(), self.r2());
        writeln!(f, "{:>6}{mae:>14.4}{rmse:>14.4}{r2:>10.4}", "mean")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_target_values_are_printed_as_a_table() {
        let evaluation =
            RegressionEvaluation::new(2, vec![1.0, 10.0, 3.0, 30.0], vec![1.0, 10.0, 3.0, 40.0]);
        let text = "\
            \x20value           MAE          RMSE        R2\n\
            \x20    0        0.0000        0.0000    1.0000\n\
            \x20    1        5.0000        7.0711    0.5000\n\
            \x20 mean        2.5000        3.5355    0.7500\n";
        assert_eq!(evaluation.unwrap().to_string(), text);
    }

    #[test]
    fn a_nan_is_never_hidden() {
        // of a constant target too, whose R² would be 0
        for targets in [vec![1.0, 2.0], vec![1.0, 1.0]] {
            let evaluation = RegressionEvaluation::new(1, targets, vec![1.0, f32::NAN]).unwrap();
            let all = [
                evaluation.loss,
                evaluation.mae(),
                evaluation.rmse(),
                evaluation.r2(),
            ];
            assert!(all.iter().all(|metric| metric.is_nan()), "{all:?}");
        }
        let infinite =
            RegressionEvaluation::new(1, vec![1.0; 2], vec![1.0, f32::INFINITY]).unwrap();
        assert_eq!(
            (infinite.mae(), infinite.rmse()),
            (f64::INFINITY, f64::INFINITY)
        );
        assert!(infinite.r2().is_nan());
        let single = RegressionEvaluation::new(1, vec![1.0], vec![1.0]).unwrap();
        assert_eq!(single.mae(), 0.0);
        assert!(single.r2().is_nan());
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let says = |values, targets: usize, predictions: usize, words: &str| {
            let error =
                RegressionEvaluation::new(values, vec![0.0; targets], vec![0.0; predictions]);
            let text = error.unwrap_err().to_string();
            assert!(text.ends_with(words), "{text}");
        };
        says(0, 2, 2, "target values: expected 1 or more, found 0");
        says(2, 0, 0, "for each of 1 sample or more, found 0");
        says(
            2,
            3,
            3,
            "2 target values for each of 1 sample or more, found 3",
        );
        says(2, 4, 2, "4 predictions, one for each target value, found 2");
    }
}
