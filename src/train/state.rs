//! [`TrainingState`]: the state of a training that the engine does not hold.

use serde::{Deserialize, Serialize};

use super::{History, settings::Settings};
use crate::weights::Weights;

/// What a training needs to resume, besides the engine's weights and optimiser state. The random generators have no
/// state: the seed and the numbers here determine every draw.
#[derive(Debug)]
pub(super) struct TrainingState<N> {
    pub(super) position: Position,
    /// The losses of this epoch's steps so far.
    pub(super) losses: Vec<f32>,
    pub(super) history: History,
    /// With early stopping, after the first epoch.
    pub(super) best: Option<Best<N>>,
}

/// The position in a training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// The current epoch, from 0.
    pub(super) epoch: usize,
    /// Samples trained on in this epoch.
    pub(super) samples_done: usize,
    /// Steps taken in earlier epochs.
    pub(super) steps_before: u64,
    /// Steps of all epochs, if each is as long as the first; 0 until that is known.
    pub(super) total_steps: u64,
    /// Time spent in this epoch's steps.
    pub(super) seconds: f64,
    /// Whether the training has ended, possibly before its last epoch.
    pub(super) has_ended: bool,
}

/// The epoch with the lowest validation loss.
#[derive(Debug)]
pub(super) struct Best<N> {
    /// From 1.
    pub(super) epoch: usize,
    pub(super) loss: f64,
    pub(super) weights: Weights<N>,
}

impl<N> TrainingState<N> {
    /// The state before the first step of epoch `epoch`, from 0.
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

    /// Computes the steps of the training, and those before its first epoch, once the number of `samples` of an epoch
    /// is known.
    pub(super) fn count_steps(&mut self, settings: &Settings, samples: usize) {
        if self.position.total_steps == 0 {
            self.position.total_steps = settings.steps(settings.epochs, samples);
            self.position.steps_before = settings.steps(settings.initial_epoch, samples);
        }
    }

    /// Moves on to the next epoch; with `has_ended`, it is not trained.
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
