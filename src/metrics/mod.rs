//! Metrics of predictions on labelled data.

mod confusion;
mod evaluation;
mod precision_recall;
mod ranking;
mod report;
mod roc;
mod thresholds;

pub(crate) use evaluation::mean_loss;

pub use crate::argmax::argmax;
pub use confusion::{ConfusedPair, ConfusionMatrix};
pub use evaluation::Evaluation;
pub use precision_recall::PrecisionRecallCurve;
pub use ranking::Rankings;
pub use report::{ClassScores, ClassificationReport};
pub use roc::RocCurve;
