//! How well a network does on data it was not trained on.

use std::fmt;

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
    /// The class read for each sample, in order.
    pub predictions: Vec<usize>,
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
        let mut predictions = Vec::with_capacity(order.len());
        for (row, &sample) in logits.chunks_exact(classes).zip(order) {
            let prediction = largest(row);
            confusion.count(labels[sample as usize].into(), prediction);
            predictions.push(prediction);
        }
        let loss = mean_loss::<N>(Loss::CrossEntropy, samples, order, &logits);
        Ok(Evaluation {
            loss,
            confusion,
            predictions,
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
}
