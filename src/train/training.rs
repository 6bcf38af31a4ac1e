//! [`Training`]: the engine and the state of its training.

use std::path::PathBuf;

use super::{checkpoint::Resumed, settings::Settings, state::TrainingState};
use crate::{
    data::{Samples, Stratified},
    engine::Engine,
    error::{Error, Result},
    network::Network,
    weights::{Weights, adapt, is_unadapted, standardizes},
};

/// A running training: the loop updates it, and the observers read it.
pub(super) struct Training<'f, N, E> {
    pub(super) settings: Settings,
    pub(super) net: &'f mut E,
    pub(super) state: TrainingState<N>,
    /// Written by this training, or by the one that it resumes.
    pub(super) last_checkpoint: Option<PathBuf>,
}

impl<'f, N: Network, E: Engine<N>> Training<'f, N, E> {
    /// A training from its first epoch, or resumed from a checkpoint.
    pub(super) fn begin(
        net: &'f mut E,
        settings: Settings,
        resumed: Option<Resumed<N>>,
    ) -> Result<Self> {
        let (last_checkpoint, state) = match resumed {
            Some((path, contents)) => {
                net.restore(&contents.weights, contents.optimizer.as_ref())?;
                (Some(path), contents.state)
            }
            None => {
                if settings.reset_optimizer {
                    let weights = net.weights()?;
                    net.restore(&weights, None)?;
                }
                (None, TrainingState::at(settings.initial_epoch))
            }
        };
        Ok(Training {
            settings,
            net,
            state,
            last_checkpoint,
        })
    }

    /// Computes the statistics of a [`Standardize`](crate::layers::Standardize) from the samples to train on, of those of the
    /// first epoch, unless the network has them already.
    pub(super) fn adapt(&mut self, samples: &Samples) -> Result<()> {
        let plan = const { &N::PLAN };
        if !standardizes(plan) {
            return Ok(());
        }
        let mut weights = self.net.weights()?;
        if is_unadapted(plan, &weights.running) {
            let Settings {
                validation_samples,
                seed,
                ..
            } = self.settings;
            let split = Stratified::new(samples, validation_samples, seed)?;
            adapt(plan, &mut weights.running, samples, &split.train);
            let state = self.net.optimizer_state()?;
            self.net.restore(&weights, state.as_ref())?;
        }
        Ok(())
    }

    /// Whether no epochs are left.
    pub(super) fn is_over(&self) -> bool {
        let position = &self.state.position;
        position.has_ended || position.epoch >= self.settings.epochs
    }

    /// The current epoch, counted from 1.
    pub(super) fn epoch_number(&self) -> usize {
        self.state.position.epoch + 1
    }

    /// The last step of the epoch so far, from 0.
    pub(super) fn last_step(&self) -> usize {
        self.state.losses.len().saturating_sub(1)
    }

    /// The weights, all of them finite.
    ///
    /// # Errors
    /// [`Error::NotFinite`] when one is not.
    pub(super) fn finite_weights(&self) -> Result<Weights<N>> {
        let weights = self.net.weights()?;
        if weights.as_slice().iter().all(|value| value.is_finite()) {
            return Ok(weights);
        }
        let loss = self.state.losses.last().copied();
        Err(self.not_finite(self.last_step(), loss.unwrap_or_default()))
    }

    /// The error of a loss or weight that is not finite, found after step `step` of the epoch, from 0.
    pub(super) fn not_finite(&self, step: usize, loss: f32) -> Error {
        let tensor = match self.net.weights() {
            Ok(weights) => weights.parameters().not_finite(),
            Err(error) => return error,
        };
        let Settings {
            optimizer,
            schedule,
            ..
        } = self.settings;
        let position = &self.state.position;
        let at = position.steps_before + step as u64;
        Error::NotFinite {
            epoch: self.epoch_number(),
            step: step + 1,
            loss,
            tensor,
            learning_rate: schedule.learning_rate(
                optimizer.learning_rate(),
                at,
                position.total_steps,
            ),
            checkpoint: self.last_checkpoint.clone(),
        }
    }
}
