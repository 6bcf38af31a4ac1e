//! [`ConfusionMatrix`]: the predictions for each true class, counted.

use std::{cmp::Reverse, fmt};

/// Samples of one class that were classified as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfusedPair {
    /// Their true class.
    pub truth: usize,
    /// The predicted class.
    pub prediction: usize,
    /// How many there are, at least 1.
    pub count: u64,
}

/// Counts of each (true class, predicted class). `Display` prints a row for each true class, with its recall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    /// `[classes, classes]` row-major: row = true class, column = prediction.
    counts: Vec<u64>,
}

impl ConfusionMatrix {
    /// A matrix of zeros.
    pub fn new(classes: usize) -> Self {
        ConfusionMatrix {
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

    /// How many samples of class `truth` were classified as `prediction`; 0 for classes out of range.
    pub fn get(&self, truth: usize, prediction: usize) -> u64 {
        if truth >= self.classes || prediction >= self.classes {
            return 0;
        }
        self.counts[truth * self.classes + prediction]
    }

    /// The fraction of class `truth` that was classified correctly, or `None` if it has no samples.
    pub fn recall(&self, truth: usize) -> Option<f64> {
        let total: u64 = (0..self.classes)
            .map(|prediction| self.get(truth, prediction))
            .sum();
        (total > 0).then(|| self.get(truth, truth) as f64 / total as f64)
    }

    /// The fraction of all samples classified correctly, from 0 to 1; 0 without samples.
    pub fn accuracy(&self) -> f64 {
        let total: u64 = self.counts.iter().sum();
        let right: u64 = (0..self.classes).map(|class| self.get(class, class)).sum();
        right as f64 / total.max(1) as f64
    }

    /// The `n` most confused pairs, or all if there are fewer: off-diagonal counts in descending order, ties by true
    /// class, then by prediction.
    pub fn most_confused(&self, n: usize) -> Vec<ConfusedPair> {
        let pairs = (0..self.classes)
            .flat_map(|truth| (0..self.classes).map(move |prediction| (truth, prediction)));
        let mut confused: Vec<ConfusedPair> = pairs
            .filter(|(truth, prediction)| truth != prediction)
            .map(|(truth, prediction)| ConfusedPair {
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

impl fmt::Display for ConfusedPair {
    /// As in `9 classified as 4: 12 times`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = if self.count == 1 { "time" } else { "times" };
        write!(
            f,
            "{} classified as {}: {} {times}",
            self.truth, self.prediction, self.count
        )
    }
}

impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "true \\ pred")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusion_counts_recall_and_accuracy() {
        let mut confusion = ConfusionMatrix::new(3);
        for (truth, prediction) in [(0, 0), (0, 0), (0, 1), (1, 1)] {
            confusion.count(truth, prediction);
        }
        assert_eq!(confusion.get(0, 1), 1);
        // classes out of range have a count of 0, whichever element their index would be
        assert_eq!([confusion.get(0, 4), confusion.get(3, 0)], [0, 0]);
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
    fn the_most_confused_pairs_come_first_and_ties_in_matrix_order() {
        let mut confusion = ConfusionMatrix::new(4);
        let counts = [(2, 1, 3), (0, 3, 2), (3, 0, 2), (0, 1, 2), (1, 1, 9)];
        for (truth, prediction, count) in counts {
            (0..count).for_each(|_| confusion.count(truth, prediction));
        }
        let found = confusion.most_confused(10);
        let pairs: Vec<_> = found.iter().map(|c| (c.truth, c.prediction)).collect();
        assert_eq!(pairs, [(2, 1), (0, 1), (0, 3), (3, 0)]);
        assert_eq!(found[0].to_string(), "2 classified as 1: 3 times");
        assert_eq!(confusion.most_confused(2), found[..2]);
        assert!(confusion.most_confused(0).is_empty());
    }
}
