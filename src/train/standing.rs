//! [`Standing`]: where a training stands, beside what the engine holds.

use serde::{Deserialize, Serialize};

use super::History;
use crate::weights::Weights;

/// All that a training needs to go on but the engine's weights and optimiser. Chance has no state: every
/// draw is decided by the seed and by the numbers here.
#[derive(Debug)]
pub(super) struct Standing<N> {
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

impl<N> Default for Standing<N> {
    fn default() -> Self {
        Standing {
            position: Position::default(),
            losses: Vec::new(),
            history: History::default(),
            best: None,
        }
    }
}
