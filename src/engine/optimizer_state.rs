//! [`OptimizerState`]: the state of an optimiser, in a format common to all engines.

use std::fmt;

use crate::{
    error::{Error, Result},
    network::Network,
    objective::OptimizerKind,
    weights::Weights,
};

/// The state of an optimiser: together with the weights, all that training needs to continue.
///
/// [`Engine::optimizer_state`](super::Engine::optimizer_state) returns it, and
/// [`Engine::restore`](super::Engine::restore) restores it; [`Trainer`](crate::train::Trainer) saves it in
/// checkpoints.
pub struct OptimizerState<N> {
    /// The kind of optimiser.
    pub kind: OptimizerKind,
    /// Steps taken with these moments, which Adam's bias correction needs.
    pub steps: u64,
    /// The velocity of SGD with momentum, or Adam's first and second moments, in the layout of the parameters; SGD
    /// without momentum has none.
    pub moments: Vec<Weights<N>>,
}

impl<N: Network> OptimizerState<N> {
    /// Checks that the number of moments is the optimiser's.
    ///
    /// # Errors
    /// [`Error::Setting`] when it is not.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    fn state(kind: OptimizerKind, steps: u64, seeds: &[u64]) -> OptimizerState<(Linear<2, 1>,)> {
        let moments = seeds.iter().map(|&seed| Weights::init(seed)).collect();
        OptimizerState {
            kind,
            steps,
            moments,
        }
    }

    #[test]
    fn states_are_equal_in_kind_steps_and_moments() {
        let one = state(OptimizerKind::Adam, 3, &[1, 2]);
        assert!(one == one.clone());
        let others = [
            state(OptimizerKind::AdamW, 3, &[1, 2]),
            state(OptimizerKind::Adam, 4, &[1, 2]),
            state(OptimizerKind::Adam, 3, &[1, 3]),
        ];
        assert!(others.iter().all(|other| *other != one));
        let printed = format!("{one:?}");
        assert!(printed.starts_with("OptimizerState { kind: Adam, steps: 3, moments: [Weights"));
    }

    #[test]
    fn moments_are_as_many_as_the_optimisers() {
        for (kind, seeds, expected) in [
            (OptimizerKind::Sgd, &[1, 2][..], "0 or 1 moments, found 2"),
            (OptimizerKind::Adam, &[1], "2 moments, found 1"),
        ] {
            let error = state(kind, 1, seeds).check().unwrap_err().to_string();
            assert_eq!(error, format!("optimiser's state: expected {expected}"));
        }
        assert!(state(OptimizerKind::Sgd, 1, &[1]).check().is_ok());
    }
}
