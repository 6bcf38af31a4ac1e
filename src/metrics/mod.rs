//! Metrics of predictions on labelled data.

mod confusion;
mod evaluation;
mod ranking;
mod report;

pub(crate) use evaluation::mean_loss;

pub use crate::argmax::argmax;
pub use confusion::{ConfusedPair, ConfusionMatrix};
pub use evaluation::Evaluation;
pub use ranking::Rankings;
pub use report::{ClassScores, ClassificationReport};
