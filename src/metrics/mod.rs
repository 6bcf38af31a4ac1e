//! Metrics of predictions: of classes ([`Evaluation`]), of several labels per sample ([`MultiLabelEvaluation`]), of
//! values ([`RegressionEvaluation`]), of a binary score ([`RocCurve`], [`PrecisionRecallCurve`]) and of recommendations
//! ([`Rankings`]).
//!
//! [`Engine::evaluate`](crate::engine::Engine::evaluate) gives the first three; which of them, the type of the data set
//! states ([`Evaluate`]). All take plain slices as well, such as the outputs of a frozen model. All sums are in `f64`.

pub(crate) mod combine;
mod confusion;
mod evaluate;
mod evaluation;
mod multi_label;
mod precision_recall;
mod ranking;
mod regression;
mod report;
mod roc;
mod spread;
mod thresholds;

pub use crate::argmax::argmax;
pub use confusion::{ConfusedPair, ConfusionMatrix};
pub use evaluate::Evaluate;
pub use evaluation::Evaluation;
pub use multi_label::MultiLabelEvaluation;
pub use precision_recall::PrecisionRecallCurve;
pub use ranking::Rankings;
pub use regression::{RegressionEvaluation, RegressionScores};
pub use report::{ClassScores, ClassificationReport};
pub use roc::RocCurve;
pub use spread::Spread;
