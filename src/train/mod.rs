//! Training: the loop over epochs and batches, and what it reports.
//!
//! [`Trainer`] holds the settings, `fit` starts a training, `epochs` runs it, and `observers` handle its events:
//! callbacks, checkpoints, best weights, run folder.

mod checkpoint;
mod early_stopping;
mod epochs;
mod fit;
mod halving;
mod history;
mod observers;
mod parallel;
mod read_ahead;
mod settings;
mod shuffle;
mod state;
mod trainer;
mod training;
mod validation;

pub use checkpoint::Checkpoints;
#[cfg(feature = "mpi")]
pub(crate) use checkpoint::{describe, weights_of_first};
pub use early_stopping::EarlyStopping;
#[cfg(feature = "mpi")]
pub(crate) use halving::diverged;
pub use halving::{Halving, Search, Trial};
pub use history::{EpochReport, History, Progress};
pub use parallel::in_parallel;
pub use shuffle::Shuffle;
pub use trainer::Trainer;
