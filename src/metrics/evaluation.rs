//! [`Evaluation`]: loss, accuracy and confusion matrix on labelled data.

use std::fmt;

use super::ConfusionMatrix;
use crate::{
    argmax::argmax,
    data::{Samples, Targets},
    error::{Error, Result},
    network::Network,
    objective::Loss,
    shape::Shape,
};

/// Mean loss, accuracy and confusion matrix on labelled data.
///
/// The predicted class is the index of the largest logit, the first in a tie. A NaN counts as the largest, as in
/// `torch.argmax`; then the sample's confidence and the loss are NaN, and its predicted class is meaningless.
/// [`Evaluation::non_finite_samples`] counts such samples, and `Display` prints their number.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy without label smoothing or class weights, regardless of the training loss.
    pub loss: f64,
    /// Counts of each true class and prediction.
    pub confusion: ConfusionMatrix,
    /// The true class of each sample, in order.
    pub labels: Vec<usize>,
    /// The predicted class of each sample, in order.
    pub predictions: Vec<usize>,
    /// The softmax probability of the predicted class of each sample, in order; NaN where a logit is NaN or the
    /// largest is infinite.
    pub confidences: Vec<f64>,
}

impl Evaluation {
    /// The fraction of samples classified correctly, from 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.confusion.accuracy()
    }

    /// The number of samples whose confidence is NaN, because a logit is NaN or the largest is infinite.
    pub fn non_finite_samples(&self) -> usize {
        let confidences = self.confidences.iter();
        confidences.filter(|confidence| confidence.is_nan()).count()
    }

    /// Evaluates `logits`, `[order.len(), C]` row-major, of the samples `order`.
    ///
    /// # Errors
    /// [`Error::Setting`] when the samples do not have one label each.
    pub(crate) fn of_logits<N: Network>(
        samples: &Samples,
        order: &[u32],
        logits: &[f32],
    ) -> Result<Self> {
        let Targets::Labels(labels) = &samples.targets else {
            return Err(Error::Setting {
                setting: "evaluation",
                expected: "a data set with one label per sample".to_owned(),
                found: format!(
                    "{}; see `History` for the loss of a training",
                    samples.targets.describe()
                ),
            });
        };
        let classes = N::Output::LEN;
        let mut confusion = ConfusionMatrix::new(classes);
        let labels: Vec<usize> = order
            .iter()
            .map(|&sample| labels[sample as usize].into())
            .collect();
        let mut predictions = Vec::with_capacity(order.len());
        let mut confidences = Vec::with_capacity(order.len());
        for (row, &label) in logits.chunks_exact(classes).zip(&labels) {
            let prediction = argmax(row);
            confusion.count(label, prediction);
            predictions.push(prediction);
            confidences.push(probability(row, prediction));
        }
        let loss = mean_loss::<N>(&Loss::CrossEntropy, samples, order, logits);
        Ok(Evaluation {
            loss,
            confusion,
            labels,
            predictions,
            confidences,
        })
    }
}

/// The mean loss of `logits` `[order.len(), C]` against the targets of the samples `order`.
pub(crate) fn mean_loss<N: Network>(
    loss: &Loss,
    samples: &Samples,
    order: &[u32],
    logits: &[f32],
) -> f64 {
    let classes = N::Output::LEN;
    let mut targets = vec![0.0; classes];
    let mut sum = 0.0;
    for (row, sample) in logits.chunks_exact(classes).zip(order) {
        samples.targets.gather(classes, &[*sample], &mut targets);
        sum += loss.of_sample(row, &targets);
    }
    sum / loss.divisor(&samples.targets, order)
}

/// The softmax probability of `class`, whose logit is the largest, so that nothing overflows; NaN if that logit is NaN
/// or infinite.
fn probability(row: &[f32], class: usize) -> f64 {
    let largest = f64::from(row[class]);
    let exp = row.iter().map(|&logit| (f64::from(logit) - largest).exp());
    1.0 / exp.sum::<f64>()
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "accuracy {:.2} %, loss {:.4}",
            self.accuracy() * 100.0,
            self.loss
        )?;
        let non_finite = self.non_finite_samples();
        if non_finite > 0 {
            let all = self.labels.len();
            writeln!(
                f,
                "{non_finite} of {all} samples have logits that are not finite"
            )?;
        }
        write!(f, "{}", self.confusion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probability_of_the_largest_logit_is_its_softmax() {
        // softmax([0, ln 3]) = [1/4, 3/4]
        assert!((probability(&[0.0, 3f32.ln()], 1) - 0.75).abs() < 1e-7);
        // exp(300) is beyond `f32`
        assert_eq!(probability(&[300.0; 4], 0), 0.25);
        // torch.softmax: [1, 0], and NaN where the largest is infinite
        assert_eq!(probability(&[1.0, f32::NEG_INFINITY], 0), 1.0);
        assert!(probability(&[1.0, f32::INFINITY], 1).is_nan());
    }
}
