//! [`Settings`]: all that decides a training's result, beside network, engine and data.

use serde::Serialize;

use super::EarlyStopping;
use crate::{
    error::Result,
    objective::{Loss, Optimizer, Schedule, at_least_one, check_clip_norm},
};

/// What a [`Trainer`](super::Trainer) is told by its methods.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Settings {
    pub(super) optimizer: Optimizer,
    pub(super) schedule: Schedule,
    pub(super) clip_norm: Option<f64>,
    pub(super) loss: Loss,
    pub(super) epochs: usize,
    pub(super) batch_size: usize,
    pub(super) seed: u64,
    pub(super) validation_samples: usize,
    pub(super) early_stopping: Option<EarlyStopping>,
}

impl Settings {
    /// Checks what needs no data.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting out of its range.
    pub(super) fn check(&self) -> Result<()> {
        at_least_one("epochs", self.epochs)?;
        at_least_one("batch size", self.batch_size)?;
        self.optimizer.check()?;
        self.schedule.check()?;
        check_clip_norm(self.clip_norm)?;
        match &self.early_stopping {
            Some(stopping) => stopping.check(self.validation_samples),
            None => Ok(()),
        }
    }

    /// The steps of all epochs, if each has this many samples.
    pub(super) fn steps(&self, samples: usize) -> u64 {
        let batches = samples.div_ceil(self.batch_size);
        self.epochs.saturating_mul(batches) as u64
    }
}
