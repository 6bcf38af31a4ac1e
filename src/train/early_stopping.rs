//! [`EarlyStopping`]: ends a training whose validation loss no longer improves.

use serde::Serialize;

use crate::{
    error::{Error, Result},
    objective::not_negative,
};

/// Ends a training after `patience` consecutive epochs without a better validation loss, and restores the weights of
/// the best epoch with a reset optimiser state. They are restored on every exit of
/// [`Trainer::fit`](super::Trainer::fit) after the first epoch, including an error, a stop or a panic.
///
/// A loss is better when it is below the best so far by more than `min_delta`; an equal loss is not. It is computed on
/// held-out samples ([`Trainer::validation`](super::Trainer::validation)) or on a separate validation set
/// ([`Trainer::fit_with_validation`](super::Trainer::fit_with_validation)). Every `fit` starts without a best epoch.
///
/// Source: L. Prechelt, "Early stopping - but when?", 1998; Keras' `EarlyStopping` with
/// `restore_best_weights=True`.
///
/// ```
/// use tuplenet::prelude::*;
///
/// let trainer = Trainer::new(Adam::default()).epochs(100).validation(5_000);
/// let trainer = trainer.early_stopping(EarlyStopping { patience: 3, ..EarlyStopping::default() });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EarlyStopping {
    /// Epochs without a better loss after which the training ends, at least 1; 5 by default.
    pub patience: usize,
    /// The margin by which a loss must be below the best to be better, 0 or above; 0 by default.
    pub min_delta: f64,
}

impl Default for EarlyStopping {
    fn default() -> Self {
        EarlyStopping {
            patience: 5,
            min_delta: 0.0,
        }
    }
}

impl EarlyStopping {
    /// Checks the range of every setting, and that there are validation samples (`has_validation`).
    ///
    /// # Errors
    /// [`Error::Setting`] for a patience of 0, a negative `min_delta`, or no validation samples.
    pub(super) fn check(&self, has_validation: bool) -> Result<()> {
        let zero = |setting, expected: &str| {
            Err(Error::Setting {
                setting,
                expected: expected.to_owned(),
                found: "0".to_owned(),
            })
        };
        if self.patience == 0 {
            return zero("patience", "1 epoch or more");
        }
        if !has_validation {
            return zero(
                "validation samples",
                "1 or more, or a validation set, for early stopping",
            );
        }
        not_negative("min delta", self.min_delta)
    }

    /// Whether `loss` is better than the `best` so far.
    pub(super) fn is_better(&self, loss: f64, best: Option<f64>) -> bool {
        best.is_none_or(|best| loss < best - self.min_delta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_equal_loss_is_not_better() {
        let stopping = EarlyStopping::default();
        assert!(stopping.is_better(0.5, None));
        assert!(!stopping.is_better(0.5, Some(0.5)));
        assert!(stopping.is_better(0.5f64.next_down(), Some(0.5)));
        assert!(!stopping.is_better(0.5f64.next_up(), Some(0.5)));
        let stopping = EarlyStopping {
            min_delta: 0.25,
            ..stopping
        };
        assert!(!stopping.is_better(0.25, Some(0.5)));
        assert!(stopping.is_better(0.25f64.next_down(), Some(0.5)));
    }
}
