//! The objective of a training: which loss is minimised, by which optimiser, at which learning rates.

mod loss;
mod optimizer;
mod range;
mod schedule;

pub(crate) use range::{at_least_one, check_clip_norm, not_negative};

pub use loss::Loss;
pub use optimizer::{Adam, AdamW, Optimizer, OptimizerKind, Sgd};
pub use schedule::{Cosine, Curve, OneCycle, Schedule, StepDecay, WarmUp};
