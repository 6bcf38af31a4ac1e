//! The weights of the best epoch, for [`EarlyStopping`](crate::train::EarlyStopping).

use crate::{
    engine::Engine,
    error::Result,
    network::Network,
    train::{
        EpochReport,
        state::{Best, TrainingState},
        training::Training,
    },
    weights::Weights,
};

/// Stores `weights` if they are the best so far. Returns whether the training ends because patience has run out.
pub(super) fn end_epoch<N: Network, E>(
    training: &mut Training<'_, N, E>,
    report: &EpochReport,
    weights: &Weights<N>,
) -> bool {
    let (Some(stopping), Some(loss)) = (training.settings.early_stopping, report.validation_loss)
    else {
        return false;
    };
    let TrainingState { best, .. } = &mut training.state;
    if stopping.is_better(loss, best.as_ref().map(|best| best.loss)) {
        *best = Some(Best {
            epoch: report.epoch,
            loss,
            weights: weights.clone(),
        });
        return false;
    }
    best.as_ref()
        .is_some_and(|best| report.epoch - best.epoch >= stopping.patience)
}

/// Restores the best weights to the network, if there are any, and returns their epoch.
pub(super) fn restore<N: Network, E: Engine<N>>(
    net: &mut E,
    best: Option<Best<N>>,
) -> Result<Option<usize>> {
    let Some(best) = best else {
        return Ok(None);
    };
    net.restore(&best.weights, None)?;
    Ok(Some(best.epoch))
}
