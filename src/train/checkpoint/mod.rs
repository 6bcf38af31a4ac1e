//! Checkpoints: a training that was stopped at any moment resumes and ends with the same bits.

mod file;
mod folder;
mod identity;
mod share;

use std::{path::PathBuf, time::Duration};

pub(super) use self::{
    folder::{Folder, Resumed},
    identity::Identity,
    share::resumed,
};
#[cfg(feature = "mpi")]
pub(crate) use self::{identity::describe, share::weights_of_first};
use crate::{error::Result, objective::at_least_one};

/// Where and how often a training writes checkpoints; always at the end of an epoch.
///
/// A checkpoint holds the weights, the optimiser state, the position in the epoch, the best weights so far and the
/// history, with a checksum. It needs no random state, because seed and position determine every draw. It is written
/// to a temporary file, synced and renamed, so a failure at any moment leaves earlier checkpoints intact. A resumed
/// training ends with the same bits as one that was never stopped, on an engine of the same name and SIMD.
///
/// [`Weights::load`](crate::Weights::load), [`Frozen::from_bytes`](crate::frozen::Frozen::from_bytes) and
/// [`frozen!`](crate::frozen!) read only the weights of a checkpoint.
///
/// ```
/// use tuplenet::prelude::*;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// type Net = (Linear<784, 16>, ReLU, Linear<16, 10>);
/// let digits = Digits::new(1).dataset(0..500)?;
/// let train = |epochs| {
///     let mut net = Fused::<Net>::new(Weights::init(1))?;
///     let checkpoints = Checkpoints::in_folder(folder).keep(2).resume(true);
///     Trainer::new(Adam::default()).epochs(epochs).checkpoints(checkpoints).fit(&mut net, &digits)
/// };
/// assert_eq!(train(2)?.epochs.len(), 2);
/// assert_eq!(train(5)?.epochs.len(), 5); // of which it trains the last three
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoints {
    pub(super) folder: PathBuf,
    pub(super) every: Option<Duration>,
    pub(super) keep: usize,
    pub(super) resume: bool,
}

impl Checkpoints {
    /// Checkpoints in this folder, which is created if missing, at the end of every epoch. The newest three are kept,
    /// and the training does not resume.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Checkpoints {
            folder: folder.into(),
            every: None,
            keep: 3,
            resume: false,
        }
    }

    /// Also writes a checkpoint within an epoch once this much time has passed since the last one; checked some fifty
    /// times an epoch.
    pub fn every(mut self, time: Duration) -> Self {
        self.every = Some(time);
        self
    }

    /// The number of newest checkpoints to keep; at least 1.
    pub fn keep(mut self, checkpoints: usize) -> Self {
        self.keep = checkpoints;
        self
    }

    /// Whether to resume from the newest checkpoint in the folder; without one, the training starts from the beginning.
    ///
    /// A checkpoint of another network, engine, optimiser, data set, validation set or other setting is an error; more
    /// epochs are allowed if the learning rate is constant. A training that was ended by early stopping or by
    /// [`Trainer::on_epoch`](super::Trainer::on_epoch) has no epochs left, even if more are requested.
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        at_least_one("checkpoints kept", self.keep)
    }
}
