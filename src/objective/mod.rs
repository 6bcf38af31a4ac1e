//! The training objective: the loss, the optimiser that minimises it, and its learning-rate schedule.

mod loss;
mod optimizer;
mod range;
mod schedule;
mod typed_loss;

pub(crate) use range::{at_least_one, check_clip_norm, not_negative};

pub use loss::Loss;
pub use optimizer::{Adam, AdamW, Optimizer, OptimizerKind, Sgd};
pub use schedule::{Cosine, Curve, OneCycle, Schedule, StepDecay, WarmUp};
pub use typed_loss::{CrossEntropy, MeanSquaredError, OneHot, SmoothedCrossEntropy, TargetOf};
