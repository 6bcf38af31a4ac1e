//! Metrics: how well a network does on data that it was not trained on.

mod confusion;
mod evaluation;

pub(crate) use evaluation::mean_loss;

pub use crate::argmax::argmax;
pub use confusion::{ConfusedPair, ConfusionMatrix};
pub use evaluation::Evaluation;
