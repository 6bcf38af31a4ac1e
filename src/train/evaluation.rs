//! How well a network does on data it was not trained on.

use std::{cmp::Reverse, fmt};

use super::Loss;
use crate::{
    Network,
    data::{Samples, Targets},
    engine::Engine,
    error::{Error, Result},
    shape::Shape,
};

/// Mean loss, accuracy and confusion matrix on labelled data.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy: the plain one, whatever the network was trained with.
    pub loss: f64,
    /// Which class was read as which.
    pub confusion: Confusion,
    /// The class that each sample is of, in order.
    pub labels: Vec<usize>,
    /// The class read for each sample, in order.
    pub predictions: Vec<usize>,
    /// The softmax's probability of the class read, for each sample, in order.
    pub confidences: Vec<f64>,
}

impl Evaluation {
    /// The share of samples read rightly, from 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.confusion.accuracy()
    }

    pub(crate) fn new<N: Network, E: Engine<N>>(
        engine: &E,
        data: &E::Data,
        samples: &Samples,
        order: &[u32],
    ) -> Result<Self> {
        let Targets::Labels(labels) = &samples.targets else {
            return Err(Error::Setting {
                setting: "evaluation",
                expected: "a data set with labels".to_owned(),
                found: "target values; see `History` for the loss of a regression".to_owned(),
            });
        };
        let classes = N::Output::LEN;
        let logits = engine.logits(data, order)?;
        let mut confusion = Confusion::new(classes);
        let labels: Vec<usize> = order
            .iter()
            .map(|&sample| labels[sample as usize].into())
            .collect();
        let mut predictions = Vec::with_capacity(order.len());
        let mut confidences = Vec::with_capacity(order.len());
        for (row, &label) in logits.chunks_exact(classes).zip(&labels) {
            let prediction = largest(row);
            confusion.count(label, prediction);
            predictions.push(prediction);
            confidences.push(probability(row, prediction));
        }
        let loss = mean_loss::<N>(Loss::CrossEntropy, samples, order, &logits);
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
pub(super) fn mean_loss<N: Network>(
    loss: Loss,
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
    sum / order.len() as f64
}

/// The index of the largest value; the first of equals.
fn largest(row: &[f32]) -> usize {
    let mut best = 0;
    for (index, &value) in row.iter().enumerate() {
        if value > row[best] {
            best = index;
        }
    }
    best
}

/// The softmax's probability of `class`, whose logit is the largest, so that nothing overflows.
fn probability(row: &[f32], class: usize) -> f64 {
    let largest = f64::from(row[class]);
    let exp = row.iter().map(|&logit| (f64::from(logit) - largest).exp());
    1.0 / exp.sum::<f64>()
}

/// Samples of one class that were read as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confused {
    /// The class that they are of.
    pub truth: usize,
    /// The class that they were read as.
    pub prediction: usize,
    /// How many there are, at least 1.
    pub count: u64,
}

/// Counts of (true class, predicted class). Printed, rows are true classes, with each one's recall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// `[classes, classes]` row-major: row = true class, column = prediction.
    counts: Vec<u64>,
}

impl Confusion {
    /// No counts yet.
    pub fn new(classes: usize) -> Self {
        Confusion {
            classes,
            counts: vec![0; classes * classes],
        }
    }

    /// Counts one sample.
    ///
    /// # Panics
    /// When a class is not below the number of classes.
    pub fn count(&mut self, truth: usize, prediction: usize) {
        assert!(
            truth < self.classes && prediction < self.classes,
            "a class below {}",
            self.classes
        );
        self.counts[truth * self.classes + prediction] += 1;
    }

    /// How many samples of class `truth` were read as `prediction`; 0 for classes that are not there.
    pub fn get(&self, truth: usize, prediction: usize) -> u64 {
        if truth >= self.classes || prediction >= self.classes {
            return 0;
        }
        self.counts[truth * self.classes + prediction]
    }

    /// The share of class `truth` that was read as such, or `None` where it has no samples.
    pub fn recall(&self, truth: usize) -> Option<f64> {
        let total: u64 = (0..self.classes)
            .map(|prediction| self.get(truth, prediction))
            .sum();
        (total > 0).then(|| self.get(truth, truth) as f64 / total as f64)
    }

    /// The share of all samples read rightly, from 0 to 1; 0 for none.
    pub fn accuracy(&self) -> f64 {
        let total: u64 = self.counts.iter().sum();
        let right: u64 = (0..self.classes).map(|class| self.get(class, class)).sum();
        right as f64 / total.max(1) as f64
    }

    /// The `n` most confused pairs, or as many as there are: the largest counts off the diagonal first, equal ones
    /// by true class, then by prediction.
    pub fn most_confused(&self, n: usize) -> Vec<Confused> {
        let pairs = (0..self.classes)
            .flat_map(|truth| (0..self.classes).map(move |prediction| (truth, prediction)));
        let mut confused: Vec<Confused> = pairs
            .filter(|(truth, prediction)| truth != prediction)
            .map(|(truth, prediction)| Confused {
                truth,
                prediction,
                count: self.get(truth, prediction),
            })
            .filter(|confused| confused.count > 0)
            .collect();
        // a stable sort: equal counts stay in the matrix's order
        confused.sort_by_key(|confused| Reverse(confused.count));
        confused.truncate(n);
        confused
    }
}

impl fmt::Display for Confused {
    /// As in `9 read as 4: 12 times`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = if self.count == 1 { "time" } else { "times" };
        write!(
            f,
            "{} read as {}: {} {times}",
            self.truth, self.prediction, self.count
        )
    }
}

impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "true \\ read")?;
        for class in 0..self.classes {
            write!(f, "{class:>6}")?;
        }
        writeln!(f, "   recall")?;
        for truth in 0..self.classes {
            write!(f, "{truth:>11}")?;
            for prediction in 0..self.classes {
                match self.get(truth, prediction) {
                    0 => write!(f, "{:>6}", "·")?,
                    count => write!(f, "{count:>6}")?,
                }
            }
            match self.recall(truth) {
                Some(recall) => writeln!(f, "{:>8.2} %", recall * 100.0)?,
                None => writeln!(f, "{:>10}", "-")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "accuracy {:.2} %, loss {:.4}",
            self.accuracy() * 100.0,
            self.loss
        )?;
        write!(f, "{}", self.confusion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusion_counts_recall_and_accuracy() {
        let mut confusion = Confusion::new(3);
        for (truth, prediction) in [(0, 0), (0, 0), (0, 1), (1, 1)] {
            confusion.count(truth, prediction);
        }
        assert_eq!(confusion.get(0, 1), 1);
        assert_eq!(confusion.recall(0), Some(2.0 / 3.0));
        assert_eq!(confusion.recall(2), None);
        assert_eq!(confusion.accuracy(), 0.75);
        let text = confusion.to_string();
        assert_eq!(
            text.lines().nth(1),
            Some("          0     2     1     ·   66.67 %")
        );
    }

    #[test]
    fn the_most_confused_pairs_come_first_and_equal_ones_in_the_matrixs_order() {
        let mut confusion = Confusion::new(4);
        let counts = [(2, 1, 3), (0, 3, 2), (3, 0, 2), (0, 1, 2), (1, 1, 9)];
        for (truth, prediction, count) in counts {
            (0..count).for_each(|_| confusion.count(truth, prediction));
        }
        let found = confusion.most_confused(10);
        let pairs: Vec<_> = found.iter().map(|c| (c.truth, c.prediction)).collect();
        assert_eq!(pairs, [(2, 1), (0, 1), (0, 3), (3, 0)]);
        assert_eq!(found[0].to_string(), "2 read as 1: 3 times");
        assert_eq!(confusion.most_confused(2), found[..2]);
        assert!(confusion.most_confused(0).is_empty());
    }

    #[test]
    fn the_probability_of_the_largest_logit_is_the_softmaxs() {
        // softmax([0, ln 3]) = [1/4, 3/4]
        assert!((probability(&[0.0, 3f32.ln()], 1) - 0.75).abs() < 1e-7);
        // exp(300) is beyond `f32`
        assert_eq!(probability(&[300.0; 4], 0), 0.25);
    }
}
