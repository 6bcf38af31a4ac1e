//! [`CheckpointWriter`]: writes checkpoints of a training when they are due.

use std::time::Duration;

use crate::{
    clock::Clock,
    engine::Engine,
    error::Result,
    network::Network,
    train::{
        Checkpoints, History,
        checkpoint::{Folder, Identity, Resumed},
        training::Training,
    },
    weights::Weights,
};

/// A folder of checkpoints, and when the next one is due.
#[derive(Debug)]
pub(super) struct CheckpointWriter {
    folder: Folder,
    every: Option<Duration>,
    /// Since the last checkpoint was written, or the training started.
    since_written: Clock,
    /// What the folder's file system does not support.
    warnings: Vec<String>,
}

impl CheckpointWriter {
    /// Locks the folder, and returns the checkpoint to resume from, if requested and present.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) and [`Error::Checkpoint`](crate::Error::Checkpoint), as in [`Folder`].
    pub(super) fn new<N: Network>(
        checkpoints: &Checkpoints,
        identity: &Identity,
    ) -> Result<(Self, Option<Resumed<N>>)> {
        let (folder, warnings) = Folder::take(checkpoints, identity)?;
        let resumed = if checkpoints.resume {
            folder.resume()?
        } else {
            folder.check_empty()?;
            None
        };
        let writer = CheckpointWriter {
            folder,
            every: checkpoints.every,
            since_written: Clock::start(),
            warnings,
        };
        Ok((writer, resumed))
    }

    /// Adds to the history what the folder's file system does not support.
    pub(super) fn begin(&mut self, history: &mut History) {
        history.warn(self.warnings.drain(..));
    }

    /// Whether a checkpoint within an epoch is due.
    pub(super) fn is_due(&self) -> bool {
        self.every
            .is_some_and(|every| self.since_written.elapsed() >= every)
    }

    /// Writes a checkpoint of the training; its `weights` are finite.
    pub(super) fn write<N: Network, E: Engine<N>>(
        &mut self,
        training: &mut Training<'_, N, E>,
        weights: &Weights<N>,
    ) -> Result<()> {
        let optimizer = training.net.optimizer_state()?;
        let state = &training.state;
        let (path, warnings) = self.folder.write(weights, optimizer.as_ref(), state)?;
        training.state.history.warn(warnings);
        training.last_checkpoint = Some(path);
        self.since_written = Clock::start();
        Ok(())
    }
}
