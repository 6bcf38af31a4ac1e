//! [`Evaluation`]: loss, accuracy, confusion matrix and class probabilities on labelled data.
//!
//! Dims: `n` samples, `C` classes.

use std::fmt;

use super::{ConfusionMatrix, PrecisionRecallCurve, RocCurve};
use crate::{
    argmax::argmax,
    error::{Error, Result},
    objective::{Loss, at_least_one},
};

/// Mean loss, accuracy, confusion matrix and class probabilities on labelled data.
///
/// The predicted class is the index of the largest logit, the first in a tie. A NaN counts as the largest, as in
/// `torch.argmax`; then the sample's confidence and the loss are NaN, and its predicted class is meaningless.
/// [`Evaluation::non_finite_samples`] counts such samples, and `Display` prints their number. The metrics of the
/// probabilities are NaN if there is one.
///
/// ```
/// use tuplenet::metrics::Evaluation;
///
/// // logits of four samples of two classes, and their labels
/// let logits = [2.0, 0.0, 1.0, 0.0, 0.0, 3.0, 1.5, 0.0];
/// let evaluation = Evaluation::new(2, vec![0, 0, 1, 1], &logits)?.with_names(&["cat", "dog"])?;
/// assert_eq!(evaluation.accuracy(), 0.75);
/// // of the four pairs of a cat and a dog, three are ordered correctly
/// assert_eq!(evaluation.roc_auc(), Some(0.75));
/// assert_eq!(evaluation.confusion.most_confused(1)[0].to_string(), "dog classified as cat: 1 time");
/// # Ok::<(), tuplenet::Error>(())
/// ```
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
    /// `[n, C]` row-major: the softmax probability of each class of each sample, in order; NaN where the confidence
    /// is. Logits whose probabilities round to the same number, such as those that all round to 1, are a tie.
    pub probabilities: Vec<f64>,
}

impl Evaluation {
    /// The evaluation of `logits`, `[n, C]` row-major, of samples with these `labels`, `[n]`, of `classes` classes, `C`.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 classes; [`Error::Data`] without samples, when there are not `n C` logits, and for a
    /// label that is not below `C`.
    pub fn new(classes: usize, labels: Vec<usize>, logits: &[f32]) -> Result<Self> {
        at_least_one("classes", classes)?;
        let refused = |sample, expected, found| {
            Err(Error::Data {
                sample,
                expected,
                found,
            })
        };
        if labels.is_empty() {
            return refused(None, "1 sample or more".to_owned(), "none".to_owned());
        }
        if labels.len().checked_mul(classes) != Some(logits.len()) {
            let expected = format!("{classes} logits for each of {} labels", labels.len());
            return refused(None, expected, format!("{} logits", logits.len()));
        }
        if let Some(at) = labels.iter().position(|&label| label >= classes) {
            let expected = format!("a label below {classes}");
            return refused(Some(at), expected, labels[at].to_string());
        }
        Ok(Self::of(classes, labels, logits))
    }

    /// As [`Evaluation::new`], of slices that are valid.
    pub(super) fn of(classes: usize, labels: Vec<usize>, logits: &[f32]) -> Self {
        let mut confusion = ConfusionMatrix::new(classes);
        let mut predictions = Vec::with_capacity(labels.len());
        let mut confidences = Vec::with_capacity(labels.len());
        let mut probabilities = Vec::with_capacity(logits.len());
        let mut loss = 0.0;
        let mut one_hot = vec![0.0; classes];
        for (row, &label) in logits.chunks_exact(classes).zip(&labels) {
            let prediction = argmax(row);
            confusion.count(label, prediction);
            predictions.push(prediction);
            let first = probabilities.len();
            probabilities.extend(softmax(row, prediction));
            confidences.push(probabilities[first + prediction]);
            one_hot[label] = 1.0;
            loss += Loss::CrossEntropy.of_sample(row, &one_hot);
            one_hot[label] = 0.0;
        }
        Evaluation {
            loss: loss / labels.len() as f64,
            confusion,
            labels,
            predictions,
            confidences,
            probabilities,
        }
    }

    /// The same evaluation with names of the classes, which the confusion matrix and what it gives print.
    ///
    /// # Errors
    /// As [`ConfusionMatrix::with_names`].
    pub fn with_names(mut self, names: &'static [&'static str]) -> Result<Self> {
        self.confusion = self.confusion.with_names(names)?;
        Ok(self)
    }

    /// The fraction of samples classified correctly, from 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.confusion.accuracy()
    }

    /// The number of samples whose confidence is NaN, because a logit is NaN or the largest is infinite.
    pub fn non_finite_samples(&self) -> usize {
        let confidences = self.confidences.iter();
        confidences.filter(|confidence| confidence.is_nan()).count()
    }

    /// The area under the [`RocCurve`]: with two classes of the probability of class 1; else the mean over all classes
    /// of that of one class versus the rest.
    ///
    /// `None` where it is undefined: a class has no samples, or all. NaN where a probability is NaN.
    ///
    /// Source: `sklearn.metrics.roc_auc_score(multi_class="ovr", average="macro")`, which is NaN where this is `None`.
    pub fn roc_auc(&self) -> Option<f64> {
        self.mean_of_classes(|scores, labels| RocCurve::of(scores, labels).area())
    }

    /// The average precision of [`PrecisionRecallCurve`]: with two classes of the probability of class 1; else the mean
    /// over all classes of that of one class versus the rest.
    ///
    /// `None` where it is undefined: a class has no samples. NaN where a probability is NaN.
    ///
    /// Source: `sklearn.metrics.average_precision_score(average="macro")`, which takes 0 for a class without samples.
    pub fn average_precision(&self) -> Option<f64> {
        self.mean_of_classes(|scores, labels| {
            PrecisionRecallCurve::of(scores, labels).average_precision()
        })
    }

    /// The ROC curve of the probability of `class` versus the rest.
    ///
    /// # Errors
    /// [`Error::Setting`] when `class` is not below `C`; [`Error::Data`] where a probability is NaN.
    pub fn roc_curve(&self, class: usize) -> Result<RocCurve> {
        let (scores, labels) = self.one_versus_rest(class)?;
        RocCurve::new(&scores, &labels)
    }

    /// The precision-recall curve of the probability of `class` versus the rest.
    ///
    /// # Errors
    /// As [`Evaluation::roc_curve`].
    pub fn precision_recall_curve(&self, class: usize) -> Result<PrecisionRecallCurve> {
        let (scores, labels) = self.one_versus_rest(class)?;
        PrecisionRecallCurve::new(&scores, &labels)
    }

    /// The fraction of samples whose label is among the `k` classes of the highest probabilities, from 0 to 1; 1 for
    /// `k` from `C` and 0 for `k = 0`.
    ///
    /// Of classes with equal probabilities the predicted one is first, then the one of the lower index; so
    /// `top_k_accuracy(1)` is the accuracy. (`sklearn.metrics.top_k_accuracy_score` prefers the higher index.) NaN where
    /// a probability is NaN.
    pub fn top_k_accuracy(&self, k: usize) -> f64 {
        if self.non_finite_samples() > 0 {
            return f64::NAN;
        }
        let known = self.labels.iter().zip(&self.predictions);
        let hits = self.rows().zip(known).filter(|(row, (label, prediction))| {
            let label = **label;
            let precedes = |class: usize| {
                let order = row[class].total_cmp(&row[label]).reverse();
                let is_first = (class != **prediction).cmp(&(label != **prediction));
                is_first.then(order).then(class.cmp(&label)).is_lt()
            };
            (0..row.len()).filter(|&class| precedes(class)).count() < k
        });
        hits.count() as f64 / self.labels.len() as f64
    }

    /// The Brier score, the mean squared error of the probabilities `p`: with two classes `(1/n) sum_i (p_i1 - y_i1)²`,
    /// from 0 to 1; else `(1/n) sum_i sum_c (p_ic - y_ic)²`, from 0 to 2; `y` is the one-hot encoded label. NaN where a
    /// probability is NaN.
    ///
    /// Source: `sklearn.metrics.brier_score_loss` with `scale_by_half="auto"`, its default; G. W. Brier, "Verification of
    /// forecasts expressed in terms of probability", 1950.
    pub fn brier_score(&self) -> f64 {
        let of_sample = |(row, &label): (&[f64], &usize)| -> f64 {
            let errors = row.iter().enumerate();
            let errors = errors.map(|(class, p)| p - f64::from(u8::from(class == label)));
            errors.map(|error| error * error).sum()
        };
        let sum: f64 = self.rows().zip(&self.labels).map(of_sample).sum();
        // of two classes both errors are the same
        let scale = if self.classes() == 2 { 0.5 } else { 1.0 };
        scale * sum / self.labels.len() as f64
    }

    fn classes(&self) -> usize {
        self.confusion.classes()
    }

    /// The probabilities of each sample.
    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.probabilities.chunks_exact(self.classes())
    }

    /// The probability of `class` of each sample, and whether it is the sample's class.
    fn one_versus_rest(&self, class: usize) -> Result<(Vec<f64>, Vec<bool>)> {
        if class >= self.classes() {
            return Err(Error::Setting {
                setting: "class",
                expected: format!("a class below {}", self.classes()),
                found: class.to_string(),
            });
        }
        let scores = self.rows().map(|row| row[class]).collect();
        let labels = self.labels.iter().map(|&label| label == class).collect();
        Ok((scores, labels))
    }

    /// `metric` of class 1 of two, else its mean over all classes.
    fn mean_of_classes(&self, metric: impl Fn(&[f64], &[bool]) -> Option<f64>) -> Option<f64> {
        if self.non_finite_samples() > 0 {
            return Some(f64::NAN);
        }
        let classes = if self.classes() == 2 {
            1..2
        } else {
            0..self.classes()
        };
        let count = classes.len() as f64;
        let metrics = classes.map(|class| {
            let (scores, labels) = self.one_versus_rest(class).ok()?;
            metric(&scores, &labels)
        });
        Some(metrics.sum::<Option<f64>>()? / count)
    }
}

/// The softmax of `row`, whose largest value is that of `largest`, so that nothing overflows; NaN if that is NaN or
/// infinite.
fn softmax(row: &[f32], largest: usize) -> impl Iterator<Item = f64> {
    let largest = f64::from(row[largest]);
    let exp = move |&logit: &f32| (f64::from(logit) - largest).exp();
    let sum: f64 = row.iter().map(exp).sum();
    row.iter().map(move |logit| exp(logit) / sum)
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
