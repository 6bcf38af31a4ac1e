//! The training objective: the loss, the optimiser that minimises it, and its learning-rate schedule.

mod custom;
mod loss;
mod of_sample;
mod optimizer;
mod range;
mod schedule;
mod typed_loss;

pub(crate) use range::{at_least_one, check_clip_norm, not_negative};

pub use custom::{CustomLoss, check_gradient};
pub use loss::Loss;
pub use optimizer::{Adam, AdamW, Optimizer, OptimizerKind, Sgd};
pub use schedule::{Cosine, Curve, OneCycle, Schedule, StepDecay, WarmUp};
pub use typed_loss::{
    BinaryCrossEntropy, CrossEntropy, Huber, MeanAbsoluteError, MeanSquaredError, OneHot,
    SmoothedCrossEntropy, TargetOf, WeightedCrossEntropy,
};
