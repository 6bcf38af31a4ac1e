//! [`ClassificationReport`]: precision, recall and F1 of each class, and their means.

use std::fmt;

use super::ConfusionMatrix;

/// Precision, recall, F1 and the number of samples of a class, or their means over classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScores {
    /// See [`ConfusionMatrix::precision`]; 0 where that is undefined.
    pub precision: f64,
    /// See [`ConfusionMatrix::recall`]; 0 where that is undefined.
    pub recall: f64,
    /// See [`ConfusionMatrix::f1`]; 0 where that is undefined.
    pub f1: f64,
    /// The number of samples of the class, or of all classes.
    pub support: u64,
}

/// Precision, recall and F1 of each class, and their means, as [`ConfusionMatrix::classification_report`] gives them.
/// `Display` prints a table, with the names of the classes if the matrix has them.
///
/// A precision, recall or F1 whose denominator is 0 counts as 0, and so it does in the means; all classes are listed,
/// also those without samples.
///
/// Source: `sklearn.metrics.classification_report(labels=range(C), zero_division=0)`.
///
/// ```
/// use tuplenet::metrics::ConfusionMatrix;
///
/// let mut confusion = ConfusionMatrix::new(3).with_names(&["class 0", "class 1", "class 2"])?;
/// for (truth, prediction) in [(0, 0), (1, 0), (2, 2), (2, 2), (2, 1)] {
///     confusion.count(truth, prediction);
/// }
/// let report = confusion.classification_report();
/// assert_eq!(report.classes[0].precision, 0.5);
/// assert_eq!(report.to_string(), "              precision    recall  f1-score   support
///
///      class 0       0.50      1.00      0.67         1
///      class 1       0.00      0.00      0.00         1
///      class 2       1.00      0.67      0.80         3
///
///     accuracy                           0.60         5
///    macro avg       0.50      0.56      0.49         5
/// weighted avg       0.70      0.60      0.61         5
/// ");
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClassificationReport {
    /// The scores of each class, in order.
    pub classes: Vec<ClassScores>,
    /// The fraction of all samples classified correctly, from 0 to 1.
    pub accuracy: f64,
    /// The mean of the classes' scores.
    pub macro_average: ClassScores,
    /// The mean of the classes' scores, weighted by their numbers of samples; 0 without samples.
    pub weighted_average: ClassScores,
    /// The name of each class, or its number.
    labels: Vec<String>,
}

impl ConfusionMatrix {
    /// Precision, recall and F1 of each class, and their means; an undefined one counts as 0.
    pub fn classification_report(&self) -> ClassificationReport {
        let classes = 0..self.classes();
        let scores = classes.clone().map(|class| ClassScores {
            precision: self.precision(class).unwrap_or(0.0),
            recall: self.recall(class).unwrap_or(0.0),
            f1: self.f1(class).unwrap_or(0.0),
            support: self.support(class),
        });
        let scores: Vec<ClassScores> = scores.collect();
        ClassificationReport {
            accuracy: self.accuracy(),
            macro_average: ClassScores::mean(&scores, |_| 1.0),
            weighted_average: ClassScores::mean(&scores, |class| class.support as f64),
            classes: scores,
            labels: classes.map(|class| self.label(class)).collect(),
        }
    }

    /// The mean over all classes of precision, recall and F1; an undefined one counts as 0. The support is that of all
    /// classes together.
    ///
    /// Source: `sklearn.metrics.precision_recall_fscore_support(labels=range(C), average="macro", zero_division=0)`.
    pub fn macro_average(&self) -> ClassScores {
        self.classification_report().macro_average
    }
}

impl ClassScores {
    /// The weighted mean of `classes`; 0 if all weights are 0.
    fn mean(classes: &[ClassScores], weight: impl Fn(&ClassScores) -> f64) -> Self {
        let all: f64 = classes.iter().map(&weight).sum();
        let mean = |score: fn(&ClassScores) -> f64| {
            let sum: f64 = classes
                .iter()
                .map(|class| weight(class) * score(class))
                .sum();
            if all > 0.0 { sum / all } else { 0.0 }
        };
        ClassScores {
            precision: mean(|class| class.precision),
            recall: mean(|class| class.recall),
            f1: mean(|class| class.f1),
            support: classes.iter().map(|class| class.support).sum(),
        }
    }
}

impl fmt::Display for ClassificationReport {
    /// The table of `sklearn.metrics.classification_report`, character by character.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LAST: &str = "weighted avg";
        let lengths = self.labels.iter().map(|label| label.chars().count());
        let width = lengths.max().unwrap_or(0).max(LAST.len());
        let row = |f: &mut fmt::Formatter<'_>, label: &str, scores: &ClassScores| {
            let ClassScores {
                precision,
                recall,
                f1,
                support,
            } = scores;
            writeln!(
                f,
                "{label:>width$}  {precision:>9.2} {recall:>9.2} {f1:>9.2} {support:>9}"
            )
        };
        let empty = "";
        writeln!(
            f,
            "{empty:>width$}  precision    recall  f1-score   support\n"
        )?;
        for (label, scores) in self.labels.iter().zip(&self.classes) {
            row(f, label, scores)?;
        }
        let (accuracy, support) = (self.accuracy, self.macro_average.support);
        writeln!(
            f,
            "\n{:>width$}  {empty:>9} {empty:>9} {accuracy:>9.2} {support:>9}",
            "accuracy"
        )?;
        row(f, "macro avg", &self.macro_average)?;
        row(f, LAST, &self.weighted_average)
    }
}
