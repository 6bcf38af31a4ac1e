//! The observers of a training: for each event, those that are called, in order.
//!
//! | event | observers |
//! | --- | --- |
//! | [`begin`](Observers::begin): the engine has its initial weights | run folder |
//! | [`after_run`](Observers::after_run): some fifty times an epoch | history, `on_progress`, checkpoint if due, stop flag |
//! | [`end_epoch`](Observers::end_epoch): after training and validation | best weights, history, `on_epoch`, run folder, checkpoint |
//! | [`end`](Observers::end): on every exit, including a panic | best weights, run folder |

mod best_weights;
mod checkpoint_writer;
mod run_folder;

use std::{ops::ControlFlow, panic, sync::atomic::Ordering, thread};

use self::{checkpoint_writer::CheckpointWriter, run_folder::RunFolder};
use super::{
    EpochReport, History, Progress,
    checkpoint::{self, Identity, Resumed},
    state::TrainingState,
    trainer::Options,
    training::Training,
};
use crate::{
    engine::{Engine, Ranks},
    error::{Error, Result},
    network::Network,
    weights::Weights,
};

/// The observers of one training.
///
/// Of a training by several processes, rank 0 calls the callbacks and writes the files; all ranks learn what comes of it.
pub(super) struct Observers<'f, 't> {
    /// Holds the callbacks and the stop flag.
    options: &'f mut Options<'t>,
    ranks: Ranks,
    checkpoints: Option<CheckpointWriter>,
    /// `Some` if there are checkpoints or a run folder.
    identity: Option<Identity>,
    run_folder: Option<RunFolder>,
}

impl<'f, 't> Observers<'f, 't> {
    /// The observers that `options` configure, and the checkpoint to resume from, if there is one.
    pub(super) fn new<N: Network>(
        options: &'f mut Options<'t>,
        identity: Option<Identity>,
        ranks: Ranks,
    ) -> Result<(Self, Option<Resumed<N>>)> {
        let (mut checkpoints, mut resumed) = (None, Ok(None));
        if let (Some(settings), Some(identity), true) =
            (&options.checkpoints, &identity, ranks.is_first())
        {
            resumed = CheckpointWriter::new(settings, identity).map(|(writer, contents)| {
                checkpoints = Some(writer);
                contents
            });
        }
        let resumed = checkpoint::resumed(&ranks, resumed)?;
        let observers = Observers {
            options,
            ranks,
            checkpoints,
            identity,
            run_folder: None,
        };
        Ok((observers, resumed))
    }

    /// Before the first step.
    pub(super) fn begin<N: Network, E: Engine<N>>(
        &mut self,
        training: &mut Training<'_, N, E>,
    ) -> Result<()> {
        let begun = self.begin_folder(training);
        self.ranks.agree(begun)
    }

    fn begin_folder<N: Network, E: Engine<N>>(
        &mut self,
        training: &mut Training<'_, N, E>,
    ) -> Result<()> {
        let history = &mut training.state.history;
        if let Some(writer) = &mut self.checkpoints {
            writer.begin(history);
        }
        if let (Some(path), Some(identity), true) = (
            &self.options.run_folder,
            &self.identity,
            self.ranks.is_first(),
        ) {
            let (device, weights) = (training.net.device(), training.net.weights()?.sha256());
            let begun = RunFolder::begin(path, identity, device, weights, history)?;
            self.run_folder = Some(begun);
        }
        Ok(())
    }

    /// After a run of batches.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the stop flag is set.
    pub(super) fn after_run<N: Network, E: Engine<N>>(
        &mut self,
        training: &mut Training<'_, N, E>,
        progress: Progress,
    ) -> Result<()> {
        training.state.history.progress.push(progress);
        let observed = match self.ranks.is_first() {
            true => self.show(training, progress),
            false => Ok(()),
        };
        self.ranks.agree(observed)
    }

    fn show<N: Network, E: Engine<N>>(
        &mut self,
        training: &mut Training<'_, N, E>,
        progress: Progress,
    ) -> Result<()> {
        if let Some(callback) = &mut self.options.on_progress {
            callback(&progress);
        }
        let flag = self.options.stop;
        let is_asked_to_stop = flag.is_some_and(|flag| flag.load(Ordering::Relaxed));
        if let Some(writer) = &mut self.checkpoints
            && (is_asked_to_stop || writer.is_due())
        {
            let weights = training.finite_weights()?;
            writer.write(training, &weights)?;
        }
        if is_asked_to_stop {
            return Err(Error::Stopped {
                epoch: training.epoch_number(),
                step: training.state.losses.len(),
                checkpoint: training.last_checkpoint.clone(),
            });
        }
        Ok(())
    }

    /// After an epoch.
    pub(super) fn end_epoch<N: Network, E: Engine<N>>(
        &mut self,
        training: &mut Training<'_, N, E>,
        report: EpochReport,
    ) -> Result<()> {
        let weights = training.finite_weights()?;
        self.ranks.check_same_sum("weights", || weights.sha256())?;
        let mut has_ended = best_weights::end_epoch(training, &report, &weights);
        training.state.history.epochs.push(report.clone());
        if let (Some(callback), true) = (&mut self.options.on_epoch, self.ranks.is_first()) {
            has_ended |= callback(&report) == ControlFlow::Break(());
        }
        has_ended = self.ranks.any(has_ended);
        training.state.next_epoch(has_ended);
        let written = self.write(training, &weights);
        self.ranks.agree(written)
    }

    fn write<N: Network, E: Engine<N>>(
        &mut self,
        training: &mut Training<'_, N, E>,
        weights: &Weights<N>,
    ) -> Result<()> {
        if let Some(folder) = &self.run_folder {
            folder.history(&mut training.state.history)?;
        }
        match &mut self.checkpoints {
            Some(writer) => writer.write(training, weights),
            None => Ok(()),
        }
    }

    /// At the end of the training, on every exit. If several errors occur, the first is returned.
    ///
    /// # Panics
    /// If the training panicked: the panic is resumed here.
    pub(super) fn end<N: Network, E: Engine<N>>(
        self,
        training: Training<'_, N, E>,
        outcome: thread::Result<Result<()>>,
    ) -> Result<History> {
        let Training { net, state, .. } = training;
        let TrainingState {
            mut history, best, ..
        } = state;
        let restored = best_weights::restore(net, best);
        history.best_epoch = restored.as_ref().ok().copied().flatten();
        let outcome = outcome.map(|result| result.and(restored.map(|_| ())));
        let recorded = match self.run_folder {
            Some(folder) => {
                let weights = net.weights().ok().map(|weights| weights.sha256());
                folder.end(&mut history, weights, &outcome)
            }
            None => Ok(()),
        };
        match outcome {
            Ok(result) => result.and(recorded).map(|()| history),
            Err(panic) => panic::resume_unwind(panic),
        }
    }
}
