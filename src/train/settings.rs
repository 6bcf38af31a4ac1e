//! [`Settings`]: everything that determines the result of a training, besides network, engine and data.

use serde::Serialize;

use super::{EarlyStopping, Shuffle};
use crate::{
    data::Samples,
    error::{Error, Result},
    objective::{Loss, Optimizer, Schedule, at_least_one, check_clip_norm},
};

/// The settings of a [`Trainer`](super::Trainer).
#[derive(Clone, Debug, Serialize)]
pub(super) struct Settings {
    pub(super) optimizer: Optimizer,
    pub(super) schedule: Schedule,
    pub(super) clip_norm: Option<f64>,
    pub(super) loss: Loss,
    pub(super) epochs: usize,
    pub(super) initial_epoch: usize,
    pub(super) reset_optimizer: bool,
    pub(super) batch_size: usize,
    pub(super) shuffle: Shuffle,
    pub(super) seed: u64,
    pub(super) validation_samples: usize,
    pub(super) early_stopping: Option<EarlyStopping>,
}

impl Settings {
    /// Checks what can be checked before the samples of an epoch are known; `set` is a validation set,
    /// `outputs` the number of the network's outputs.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting out of range, or one that conflicts with the validation set.
    pub(super) fn check(&self, set: Option<&Samples>, outputs: usize) -> Result<()> {
        at_least_one("epochs", self.epochs)?;
        at_least_one("batch size", self.batch_size)?;
        self.shuffle.check()?;
        self.optimizer.check()?;
        self.schedule.check()?;
        check_clip_norm(self.clip_norm)?;
        if self.initial_epoch >= self.epochs {
            return Err(Error::Setting {
                setting: "initial epoch",
                expected: format!("below the {} epochs of the training", self.epochs),
                found: self.initial_epoch.to_string(),
            });
        }
        if let Some(set) = set {
            if self.validation_samples > 0 {
                return Err(Error::Setting {
                    setting: "validation samples",
                    expected: "0 held out when there is a validation set".to_owned(),
                    found: self.validation_samples.to_string(),
                });
            }
            self.loss.check(&set.targets, outputs)?;
        }
        match &self.early_stopping {
            Some(stopping) => stopping.check(set.is_some() || self.validation_samples > 0),
            None => Ok(()),
        }
    }

    /// The steps of `epochs` epochs of `samples` samples each.
    pub(super) fn steps(&self, epochs: usize, samples: usize) -> u64 {
        let batches = samples.div_ceil(self.batch_size);
        epochs.saturating_mul(batches) as u64
    }
}
