//! Training: the loop, what it makes small and how, and what it reports.

mod checkpoint;
mod early_stopping;
mod evaluation;
mod fit;
mod history;
mod loss;
mod optimizer;
mod range;
mod record;
mod schedule;
mod settings;
mod split;
mod standing;
mod trainer;

pub(crate) use range::{at_least_one, check_clip_norm};

pub use checkpoint::Checkpoints;
pub use early_stopping::EarlyStopping;
pub use evaluation::{Confused, Confusion, Evaluation};
pub use history::{EpochReport, History, Progress};
pub use loss::Loss;
pub use optimizer::{Adam, AdamW, Optimizer, OptimizerKind, Sgd};
pub use schedule::{Cosine, Curve, OneCycle, Schedule, StepDecay, WarmUp};
pub use trainer::Trainer;
