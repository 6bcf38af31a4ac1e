//! [`ConfusionMatrix`]: the predictions for each true class, counted.

use std::{cmp::Reverse, fmt};

use crate::error::{Error, Result};

/// Names of classes are cut to as many characters at the head of a column.
const LONGEST_HEAD: usize = 12;

/// Samples of one class that were classified as another. `Display` prints the names of the classes, if the matrix has
/// them, else their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfusedPair {
    /// Their true class.
    pub truth: usize,
    /// The predicted class.
    pub prediction: usize,
    /// How many there are, at least 1.
    pub count: u64,
    /// The names of `truth` and `prediction`.
    names: Option<[&'static str; 2]>,
}

/// Counts of each (true class, predicted class). `Display` prints a row for each true class, with its recall.
///
/// ```
/// use tuplenet::metrics::ConfusionMatrix;
///
/// let mut confusion = ConfusionMatrix::new(2).with_names(&["ham", "spam"])?;
/// for (truth, prediction) in [(0, 0), (0, 0), (0, 1), (1, 1)] {
///     confusion.count(truth, prediction);
/// }
/// assert_eq!((confusion.precision(1), confusion.recall(1)), (Some(0.5), Some(1.0)));
/// println!("{confusion}\n{}", confusion.classification_report());
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    /// `[classes, classes]` row-major: row = true class, column = prediction.
    counts: Vec<u64>,
    /// One for each class.
    pub(super) names: Option<&'static [&'static str]>,
}

impl ConfusionMatrix {
    /// A matrix of zeros.
    pub fn new(classes: usize) -> Self {
        ConfusionMatrix {
            classes,
            counts: vec![0; classes * classes],
            names: None,
        }
    }

    /// The same matrix with names of the classes, in order, which `Display` prints instead of numbers.
    ///
    /// # Errors
    /// [`Error::Setting`] when there are not as many names as classes.
    pub fn with_names(mut self, names: &'static [&'static str]) -> Result<Self> {
        if names.len() != self.classes {
            return Err(Error::Setting {
                setting: "class names",
                expected: format!("{}, one for each class", self.classes),
                found: names.len().to_string(),
            });
        }
        self.names = Some(names);
        Ok(self)
    }

    /// The number of classes, `C`.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The name of `class`, if the matrix has names.
    pub fn name(&self, class: usize) -> Option<&'static str> {
        self.names?.get(class).copied()
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

    /// The number of samples of class `truth`.
    pub fn support(&self, truth: usize) -> u64 {
        let predictions = 0..self.classes;
        predictions
            .map(|prediction| self.get(truth, prediction))
            .sum()
    }

    /// The fraction of class `truth` that was classified correctly, or `None` if it has no samples.
    pub fn recall(&self, truth: usize) -> Option<f64> {
        fraction(self.get(truth, truth), self.support(truth))
    }

    /// The fraction of the samples classified as `prediction` that are of that class, or `None` if there are none.
    pub fn precision(&self, prediction: usize) -> Option<f64> {
        fraction(self.get(prediction, prediction), self.predicted(prediction))
    }

    /// The harmonic mean of precision and recall, `2 TP / (2 TP + FP + FN)`: of the samples that are of the class or
    /// classified as it. `None` if there are none of either.
    pub fn f1(&self, class: usize) -> Option<f64> {
        let both = self.support(class) + self.predicted(class);
        fraction(2 * self.get(class, class), both)
    }

    /// The name of `class`, or its number.
    pub(super) fn label(&self, class: usize) -> String {
        self.name(class)
            .map_or_else(|| class.to_string(), Into::into)
    }

    /// The number of samples classified as `prediction`.
    fn predicted(&self, prediction: usize) -> u64 {
        let truths = 0..self.classes;
        truths.map(|truth| self.get(truth, prediction)).sum()
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
                names: self.name(truth).zip(self.name(prediction)).map(Into::into),
            })
            .filter(|confused| confused.count > 0)
            .collect();
        // a stable sort: equal counts stay in the matrix's order
        confused.sort_by_key(|confused| Reverse(confused.count));
        confused.truncate(n);
        confused
    }
}

/// `part` of `all`, or `None` of none.
fn fraction(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

impl fmt::Display for ConfusedPair {
    /// As in `9 classified as 4: 12 times`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = if self.count == 1 { "time" } else { "times" };
        match self.names {
            Some([truth, prediction]) => write!(f, "{truth} classified as {prediction}")?,
            None => write!(f, "{} classified as {}", self.truth, self.prediction)?,
        }
        write!(f, ": {} {times}", self.count)
    }
}

impl fmt::Display for ConfusionMatrix {
    /// A row for each true class. A column is as wide as its widest entry; a name longer than 12 characters is cut in
    /// the head of its column, and in full in its row.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CORNER: &str = "true \\ pred";
        let labels: Vec<String> = (0..self.classes).map(|class| self.label(class)).collect();
        let heads: Vec<String> = labels.iter().map(|label| head(label)).collect();
        let longest = |texts: &[String]| texts.iter().map(|text| text.chars().count()).max();
        let first = longest(&labels).unwrap_or(0).max(CORNER.len());
        let digits = self.counts.iter().max().map(u64::to_string);
        let widest = longest(&heads).max(digits.map(|digits| digits.len()));
        let width = (1 + widest.unwrap_or(0)).max(6);

        write!(f, "{CORNER:>first$}")?;
        for head in &heads {
            write!(f, "{head:>width$}")?;
        }
        writeln!(f, "   recall")?;
        for (truth, label) in labels.iter().enumerate() {
            write!(f, "{label:>first$}")?;
            for prediction in 0..self.classes {
                match self.get(truth, prediction) {
                    0 => write!(f, "{:>width$}", "·")?,
                    count => write!(f, "{count:>width$}")?,
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

/// `name`, or its beginning and `…` if it is longer than the head of a column.
fn head(name: &str) -> String {
    if name.chars().count() <= LONGEST_HEAD {
        return name.to_owned();
    }
    let start = name.chars().take(LONGEST_HEAD - 1);
    start.chain(['…']).collect()
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
    fn a_zero_denominator_is_undefined() {
        // class 1 is never predicted, class 2 has no samples, and class 3 neither
        let mut confusion = ConfusionMatrix::new(4);
        for (truth, prediction) in [(0, 0), (0, 2), (1, 0), (1, 2)] {
            confusion.count(truth, prediction);
        }
        let of = |metric: fn(&ConfusionMatrix, usize) -> Option<f64>| {
            [0, 1, 2, 3, 4].map(|class| metric(&confusion, class))
        };
        let (half, zero) = (Some(0.5), Some(0.0));
        assert_eq!(
            of(ConfusionMatrix::precision),
            [half, None, zero, None, None]
        );
        assert_eq!(of(ConfusionMatrix::recall), [half, zero, None, None, None]);
        assert_eq!(of(ConfusionMatrix::f1), [half, zero, zero, None, None]);
        let supports = [0, 1, 2, 3, 4].map(|class| confusion.support(class));
        assert_eq!(supports, [2, 2, 0, 0, 0]);
    }

    #[test]
    fn names_are_printed_in_aligned_columns() {
        let names: &[&str] = &["é", "saltwater crocodile", "ant"];
        let mut confusion = ConfusionMatrix::new(3).with_names(names).unwrap();
        (0..12_345).for_each(|_| confusion.count(1, 0));
        confusion.count(0, 0);
        let text = "\
        \x20       true \\ pred            é saltwater c…          ant   recall\n\
        \x20                 é            1            ·            ·  100.00 %\n\
        saltwater crocodile        12345            ·            ·    0.00 %\n\
        \x20               ant            ·            ·            ·         -\n";
        assert_eq!(confusion.to_string(), text);
        let pair = confusion.most_confused(1)[0];
        let text = "saltwater crocodile classified as é: 12345 times";
        assert_eq!(pair.to_string(), text);
        assert_eq!(confusion.name(3), None);

        let error = ConfusionMatrix::new(2).with_names(names).unwrap_err();
        let words = "class names: expected 2, one for each class, found 3";
        assert_eq!(error.to_string(), words);
    }

    #[test]
    fn large_counts_widen_the_columns() {
        let mut confusion = ConfusionMatrix::new(2);
        confusion.counts = vec![1_234_567, 0, 1, 2];
        let text = "\
            true \\ pred       0       1   recall\n\
            \x20         0 1234567       ·  100.00 %\n\
            \x20         1       1       2   66.67 %\n";
        assert_eq!(confusion.to_string(), text);
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
