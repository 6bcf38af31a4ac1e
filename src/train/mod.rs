//! Training: the loop over epochs and batches, and what it reports.

mod checkpoint;
mod early_stopping;
mod fit;
mod history;
mod record;
mod settings;
mod split;
mod standing;
mod trainer;

pub use checkpoint::Checkpoints;
pub use early_stopping::EarlyStopping;
pub use history::{EpochReport, History, Progress};
pub use trainer::Trainer;
