//! [`TrainingState`]: where a training stands, beside what the engine holds.

use serde::{Deserialize, Serialize};

use super::{History, settings::Settings};
use crate::weights::Weights;

/// All that a training needs to go on but the engine's weights and optimiser. Chance has no state: every
/// draw is decided by the seed and by the numbers here.
#[derive(Debug)]
pub(super) struct TrainingState<N> {
    pub(super) position: Position,
    /// The losses of this epoch's steps so far.
    pub(super) losses: Vec<f32>,
    pub(super) history: History,
    /// With early stopping, after the first epoch.
    pub(super) best: Option<Best<N>>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The epoch that is trained, or will be, from 0.
    pub(super) epoch: usize,
    /// Samples trained on in this epoch.
    pub(super) samples_done: usize,
    /// Steps taken in the epochs before.
    pub(super) steps_before: u64,
    /// Steps of all epochs, if each is as long as the first; 0 before that is known.
    pub(super) total_steps: u64,
    /// Time spent in this epoch's steps.
    pub(super) seconds: f64,
    /// Whether the training has ended, be it before its last epoch.
    pub(super) has_ended: bool,
}

/// The epoch with the least validation loss.
#[derive(Debug)]
pub(super) struct Best<N> {
    /// From 1.
    pub(super) epoch: usize,
    pub(super) loss: f64,
    pub(super) weights: Weights<N>,
}

impl<N> TrainingState<N> {
    /// Before the first step of epoch `epoch`, from 0.
    pub(super) fn at(epoch: usize) -> Self {
        TrainingState {
            position: Position {
                epoch,
                ..Position::default()
            },
            losses: Vec::new(),
            history: History::default(),
            best: None,
        }
    }

    /// Counts the steps of the training, and those before its first epoch, as soon as one tells how many
    /// `samples` each trains on.
    pub(super) fn count_steps(&mut self, settings: &Settings, samples: usize) {
        if self.position.total_steps == 0 {
            self.position.total_steps = settings.steps(settings.epochs, samples);
            self.position.steps_before = settings.steps(settings.initial_epoch, samples);
        }
    }

    /// Turns to the next epoch; `has_ended` says that it is not trained.
    pub(super) fn next_epoch(&mut self, has_ended: bool) {
        let position = &mut self.position;
        *position = Position {
            epoch: position.epoch + 1,
            samples_done: 0,
            steps_before: position.steps_before + self.losses.len() as u64,
            seconds: 0.0,
            has_ended,
            ..*position
        };
        self.losses.clear();
    }
}
