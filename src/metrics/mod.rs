//! Metrics of predictions on labelled data.

mod confusion;
mod evaluation;
mod report;

pub(crate) use evaluation::mean_loss;

pub use crate::argmax::argmax;
pub use confusion::{ConfusedPair, ConfusionMatrix};
pub use evaluation::Evaluation;
pub use report::{ClassScores, ClassificationReport};
