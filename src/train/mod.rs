//! Training: the loop, what it makes small and how, and what it reports.

mod evaluation;
mod history;
mod loss;
mod optimizer;
mod range;
mod schedule;
mod trainer;

pub use evaluation::{Confusion, Evaluation};
pub use history::{EpochReport, History};
pub use loss::Loss;
pub use optimizer::{Adam, AdamW, Optimizer, Sgd};
pub use schedule::{Cosine, OneCycle, Schedule};
pub use trainer::{Progress, Trainer};
