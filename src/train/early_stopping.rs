//! [`EarlyStopping`]: an end to a training that no longer generalises better.

use serde::Serialize;

use crate::{
    error::{Error, Result},
    objective::not_negative,
};

/// Ends a training after `patience` epochs in a row without a better validation loss, and gives the
/// network the weights of the best epoch; also where the training ends for another reason.
///
/// A loss is better when it is below the best so far by more than `min_delta`.
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
    /// By how much a loss must be below the best to be better, 0 or above; 0 by default.
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
    /// Checks every setting's range; it needs validation samples.
    ///
    /// # Errors
    /// [`Error::Setting`] for no patience, a negative `min_delta`, or no validation samples.
    pub(super) fn check(&self, validation_samples: usize) -> Result<()> {
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
        if validation_samples == 0 {
            return zero("validation samples", "1 or more for early stopping");
        }
        not_negative("min delta", self.min_delta)
    }

    /// Whether `loss` is better than the `best` so far.
    pub(super) fn is_better(&self, loss: f64, best: Option<f64>) -> bool {
        best.is_none_or(|best| loss < best - self.min_delta)
    }
}
