//! [`MultiLabelEvaluation`]: each label of a multi-label classification by itself, and all together.

use std::fmt;

use super::Evaluation;

/// The evaluation of `N` independent yes/no labels per sample, by the logit of each: a label is predicted where it is above 0.
///
/// ```
/// use tuplenet::{prelude::*, shape::Features, target::MultiLabel};
///
/// let labels = [[false, false], [true, false], [true, true], [true, true]];
/// let data = Dataset::<Features<1>, MultiLabel<2>>::multi_label(vec![-1.0, 0.5, 2.0, 0.8], &labels)?;
/// // logits x and x - 1
/// let net = Fused::<(Linear<1, 2>,)>::new(Weights::from_slice(&[1.0, 1.0, 0.0, -1.0])?)?;
/// let evaluation = net.evaluate(&data)?;
/// // the last sample is taken not to have the second label
/// assert_eq!((evaluation.accuracy(), evaluation.exact_matches()), (7.0 / 8.0, 3.0 / 4.0));
/// assert_eq!(evaluation.labels[1].confusion.recall(1), Some(0.5));
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MultiLabelEvaluation {
    /// Of each label, the classification of the samples into class 0, without the label, and class 1, with it. Its loss is the
    /// binary cross-entropy.
    pub labels: Vec<Evaluation>,
}

impl MultiLabelEvaluation {
    /// Of `bits`, as [`Targets::MultiLabels`](crate::data::Targets::MultiLabels) has them, and `logits`, `[n, labels]`.
    pub(super) fn of(labels: usize, bits: &[u8], logits: &[f32]) -> Self {
        let rows = bits.chunks_exact(labels.div_ceil(8));
        let of_label = |label: usize| {
            let truth = rows
                .clone()
                .map(|row| usize::from(row[label / 8] >> (label % 8) & 1));
            let of_sample = logits.chunks_exact(labels).map(|row| row[label]);
            // softmax([0, z])[1] = sigmoid(z)
            let pairs: Vec<f32> = of_sample.flat_map(|logit| [0.0, logit]).collect();
            Evaluation::of(2, truth.collect(), &pairs)
        };
        MultiLabelEvaluation {
            labels: (0..labels).map(of_label).collect(),
        }
    }

    /// The fraction of all labels of all samples that are predicted correctly, from 0 to 1.
    ///
    /// Source: 1 - `sklearn.metrics.hamming_loss`.
    pub fn accuracy(&self) -> f64 {
        self.mean(Evaluation::accuracy)
    }

    /// The fraction of samples of which every label is predicted correctly, from 0 to 1.
    ///
    /// Source: `sklearn.metrics.accuracy_score` of label indicators.
    pub fn exact_matches(&self) -> f64 {
        let samples = self.labels.first().map_or(0, |first| first.labels.len());
        let is_exact = |&sample: &usize| {
            let mut labels = self.labels.iter();
            labels.all(|label| label.labels[sample] == label.predictions[sample])
        };
        (0..samples).filter(is_exact).count() as f64 / samples as f64
    }

    /// The mean binary cross-entropy of all labels.
    pub fn loss(&self) -> f64 {
        self.mean(|label| label.loss)
    }

    /// The mean over the labels of the F1 score, where a label that no sample has and none is predicted to have counts 0.
    ///
    /// Source: `sklearn.metrics.f1_score(average="macro", zero_division=0)`.
    pub fn macro_f1(&self) -> f64 {
        self.mean(|label| label.confusion.f1(1).unwrap_or(0.0))
    }

    fn mean(&self, of_label: impl Fn(&Evaluation) -> f64) -> f64 {
        self.labels.iter().map(of_label).sum::<f64>() / self.labels.len() as f64
    }
}

impl fmt::Display for MultiLabelEvaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "accuracy {:.2} %, exact matches {:.2} %, macro F1 {:.4}, loss {:.4}",
            self.accuracy() * 100.0,
            self.exact_matches() * 100.0,
            self.macro_f1(),
            self.loss()
        )?;
        writeln!(f, "label   samples  precision    recall")?;
        for (number, label) in self.labels.iter().enumerate() {
            let percent = |share: Option<f64>| match share {
                Some(share) => format!("{:.2} %", share * 100.0),
                None => "-".to_owned(),
            };
            let confusion = &label.confusion;
            let (precision, recall) = (
                percent(confusion.precision(1)),
                percent(confusion.recall(1)),
            );
            writeln!(
                f,
                "{number:5} {:9} {precision:>10} {recall:>9}",
                confusion.support(1)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_are_those_of_scikit_learn() {
        // y = [[1,0,0],[1,1,0],[0,1,0],[1,0,0]], p = [[1,1,0],[1,1,0],[0,0,0],[1,0,0]]:
        // hamming_loss 1/6, accuracy_score 0.5, f1_score(average="macro", zero_division=0) 0.5
        let bits = [0b001, 0b011, 0b010, 0b001];
        let logits = [
            2.0, 1.0, -1.0, 3.0, 0.5, -2.0, -1.0, -0.5, -9.0, 1.0, -2.0, -1.0,
        ];
        let found = MultiLabelEvaluation::of(3, &bits, &logits);
        assert!((found.accuracy() - 5.0 / 6.0).abs() < 1e-15);
        assert_eq!(found.exact_matches(), 0.5);
        assert!((found.macro_f1() - 0.5).abs() < 1e-15);
        // torch.nn.BCEWithLogitsLoss
        assert!((found.loss() - 0.370_329_766_070_309_26).abs() < 1e-12);
        let text = found.to_string();
        assert!(
            text.contains("    2         0          -         -"),
            "{text}"
        );
    }
}
