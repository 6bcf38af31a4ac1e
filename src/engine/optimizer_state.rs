//! [`OptimizerState`]: the state of an optimiser, in a form that every engine reads.

use std::fmt;

use crate::{
    error::{Error, Result},
    network::Network,
    objective::OptimizerKind,
    weights::Weights,
};

/// The state of an optimiser: with the weights, all that a training needs to continue.
///
/// [`Engine::optimizer_state`](super::Engine::optimizer_state) gives it, and
/// [`Engine::restore`](super::Engine::restore) takes it; [`Trainer`](crate::train::Trainer) keeps it in
/// checkpoints.
pub struct OptimizerState<N> {
    /// Of which optimiser.
    pub kind: OptimizerKind,
    /// Steps taken with these moments; Adam's correction of the bias needs it.
    pub steps: u64,
    /// The velocity of SGD with momentum, or Adam's first and second moments, laid out as the parameters
    /// are; SGD without momentum has none.
    pub moments: Vec<Weights<N>>,
}

impl<N: Network> OptimizerState<N> {
    /// Checks that the moments are as many as the optimiser keeps.
    ///
    /// # Errors
    /// [`Error::Setting`] when they are not.
    pub(super) fn check(&self) -> Result<()> {
        let legal = self.kind.moments();
        if legal.contains(&self.moments.len()) {
            return Ok(());
        }
        Err(Error::Setting {
            setting: "optimiser's state",
            expected: match (*legal.start(), *legal.end()) {
                (least, most) if least == most => format!("{least} moments"),
                (least, most) => format!("{least} or {most} moments"),
            },
            found: self.moments.len().to_string(),
        })
    }
}

impl<N> Clone for OptimizerState<N> {
    fn clone(&self) -> Self {
        OptimizerState {
            kind: self.kind,
            steps: self.steps,
            moments: self.moments.clone(),
        }
    }
}

impl<N> PartialEq for OptimizerState<N> {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, self.steps) == (other.kind, other.steps) && self.moments == other.moments
    }
}

impl<N> fmt::Debug for OptimizerState<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OptimizerState")
            .field("kind", &self.kind)
            .field("steps", &self.steps)
            .field("moments", &self.moments)
            .finish()
    }
}
