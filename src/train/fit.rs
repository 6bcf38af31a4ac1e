//! One training: the loop over epochs and runs of batches, from its beginning or from a checkpoint.

use std::{
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use super::{
    EpochReport, History, Progress, Trainer,
    checkpoint::{Folder, Identity},
    record::Record,
    settings::Settings,
    split::Split,
    standing::{Best, Position, Standing},
};
use crate::{
    data::{DataFor, Samples, Targets, TrainingData},
    engine::{Engine, Run},
    error::{Error, Result},
    metrics::{Evaluation, mean_loss},
    network::Network,
    objective::Loss,
    seed,
    weights::Weights,
};

/// Into how many runs of batches an epoch is cut; after each, progress is reported and checkpoints are
/// thought of.
const RUNS_PER_EPOCH: usize = 50;

/// A training under way.
pub(super) struct Fit<'f, 't, N, E> {
    trainer: &'f mut Trainer<'t>,
    net: &'f mut E,
    standing: Standing<N>,
    folder: Option<Folder>,
    record: Option<Record>,
    /// When the last checkpoint was written, or the training begun.
    written_at: Instant,
    /// Written by this training, or the one that it goes on from.
    last_checkpoint: Option<PathBuf>,
}

impl<'f, 't, N: Network, E: Engine<N>> Fit<'f, 't, N, E> {
    /// Begins a training, or takes up the one that a checkpoint has left.
    pub(super) fn begin(
        trainer: &'f mut Trainer<'t>,
        net: &'f mut E,
        data: &impl TrainingData<N::In, N::Output>,
    ) -> Result<Self> {
        let (mut folder, mut record, mut standing) = (None, None, Standing::default());
        let mut last_checkpoint = None;
        if trainer.checkpoints.is_some() || trainer.run_folder.is_some() {
            let identity = Identity::new::<N>(net.name(), data.fingerprint(), trainer.settings);
            if let Some(checkpoints) = &trainer.checkpoints {
                let taken = Folder::take(checkpoints, &identity)?;
                if !checkpoints.resume {
                    taken.check_empty()?;
                } else if let Some((path, contents)) = taken.resume::<N>()? {
                    net.restore(&contents.weights, contents.optimizer.as_ref())?;
                    standing = contents.standing;
                    last_checkpoint = Some(path);
                }
                folder = Some(taken);
            }
            if let Some(path) = &trainer.run_folder {
                let weights = net.weights()?;
                record = Some(Record::begin(
                    path,
                    &identity,
                    net.device(),
                    &weights,
                    &standing.history,
                )?);
            }
        }
        Ok(Fit {
            trainer,
            net,
            standing,
            folder,
            record,
            written_at: Instant::now(),
            last_checkpoint,
        })
    }

    /// Every epoch that is left.
    pub(super) fn run<D: TrainingData<N::In, N::Output>>(mut self, data: &D) -> Result<History> {
        let mut at_hand: Option<(D::Epoch, E::Data)> = None;
        while !self.is_over() {
            let next = data.epoch(self.standing.position.epoch)?;
            let (samples, uploaded) = match at_hand.take() {
                Some((samples, uploaded)) if Arc::ptr_eq(samples.samples(), next.samples()) => {
                    (samples, uploaded)
                }
                _ => {
                    let uploaded = self.net.upload(&next)?;
                    (next, uploaded)
                }
            };
            self.epoch(samples.samples(), &uploaded)?;
            at_hand = Some((samples, uploaded));
        }
        self.finish()
    }

    fn settings(&self) -> Settings {
        self.trainer.settings
    }

    /// The epoch that is trained, counted from 1.
    fn epoch_number(&self) -> usize {
        self.standing.position.epoch + 1
    }

    fn is_over(&self) -> bool {
        let Position {
            epoch, has_ended, ..
        } = self.standing.position;
        has_ended || epoch >= self.settings().epochs
    }

    /// One epoch, or what is left of it.
    fn epoch(&mut self, samples: &Samples, data: &E::Data) -> Result<()> {
        let settings = self.settings();
        let Split {
            mut train,
            validation,
        } = Split::new(samples, settings.validation_samples, settings.seed)?;
        seed::shuffle(&mut train, settings.seed, self.standing.position.epoch);
        if self.standing.position.total_steps == 0 {
            self.standing.position.total_steps = settings.steps(train.len());
        }
        self.steps(data, &train)?;

        let seconds = self.standing.position.seconds;
        let mut report = EpochReport {
            epoch: self.epoch_number(),
            train_loss: weighted_mean(&self.standing.losses, &train, settings.batch_size),
            validation_loss: None,
            validation_accuracy: None,
            train_seconds: seconds,
            samples_per_second: train.len() as f64 / seconds.max(f64::MIN_POSITIVE),
        };
        if !validation.is_empty() {
            self.validate(data, samples, &validation, &mut report)?;
        }
        if let Some(loss) = report.validation_loss.filter(|loss| !loss.is_finite()) {
            return self.not_finite(self.last_step(), loss as f32);
        }
        self.end_epoch(report)
    }

    /// The steps of an epoch that are left, in runs of batches.
    fn steps(&mut self, data: &E::Data, order: &[u32]) -> Result<()> {
        let settings = self.settings();
        let batches = order.len().div_ceil(settings.batch_size);
        let samples_per_run = batches
            .div_ceil(RUNS_PER_EPOCH)
            .saturating_mul(settings.batch_size);
        let samples_done = self.standing.position.samples_done;
        let left = order.get(samples_done..).unwrap_or_default();
        for order_of_run in left.chunks(samples_per_run) {
            let before = self.standing.losses.len();
            let run = Run {
                order: order_of_run,
                batch_size: settings.batch_size,
                optimizer: &settings.optimizer,
                schedule: settings.schedule,
                total_steps: self.standing.position.total_steps,
                loss: settings.loss,
                seed: settings.seed,
                first_step: self.standing.position.steps_before + before as u64,
                clip_norm: settings.clip_norm,
            };
            let started = Instant::now();
            self.net.train(data, &run, &mut self.standing.losses)?;
            self.standing.position.seconds += started.elapsed().as_secs_f64();
            self.standing.position.samples_done += order_of_run.len();
            let losses = &self.standing.losses[before..];
            if let Some(at) = losses.iter().position(|loss| !loss.is_finite()) {
                return self.not_finite(before + at, losses[at]);
            }
            let last = losses.len() - 1;
            self.report_progress(order.len(), losses[last], run.learning_rate(last));
            self.think_of_stopping()?;
        }
        Ok(())
    }

    fn report_progress(&mut self, samples: usize, loss: f32, learning_rate: f64) {
        let position = &self.standing.position;
        let progress = Progress {
            epoch: position.epoch + 1,
            samples_done: position.samples_done,
            samples,
            steps: position.steps_before + self.standing.losses.len() as u64,
            loss,
            learning_rate,
        };
        if let Some(callback) = &mut self.trainer.on_progress {
            callback(&progress);
        }
        self.standing.history.progress.push(progress);
    }

    /// Writes a checkpoint if it is time, and ends the training if it is asked to stop.
    fn think_of_stopping(&mut self) -> Result<()> {
        let asked = self
            .trainer
            .stop
            .is_some_and(|stop| stop.load(Ordering::Relaxed));
        let every = self
            .trainer
            .checkpoints
            .as_ref()
            .and_then(|checkpoints| checkpoints.every);
        let is_time = asked || every.is_some_and(|every| self.written_at.elapsed() >= every);
        if is_time && self.folder.is_some() {
            let weights = self.checked_weights()?;
            self.write_checkpoint(&weights)?;
        }
        if asked {
            return Err(Error::Stopped {
                epoch: self.epoch_number(),
                step: self.standing.losses.len(),
                checkpoint: self.last_checkpoint.take(),
            });
        }
        Ok(())
    }

    /// Writes a checkpoint, if there is a folder for them.
    fn write_checkpoint(&mut self, weights: &Weights<N>) -> Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let optimizer = self.net.optimizer_state()?;
        let written = folder.write(weights, optimizer.as_ref(), &self.standing)?;
        self.last_checkpoint = Some(written);
        self.written_at = Instant::now();
        Ok(())
    }

    /// The weights, every one of them finite.
    fn checked_weights(&self) -> Result<Weights<N>> {
        let weights = self.net.weights()?;
        if weights.as_slice().iter().all(|value| value.is_finite()) {
            return Ok(weights);
        }
        let loss = self.standing.losses.last().copied();
        self.not_finite(self.last_step(), loss.unwrap_or_default())
    }

    /// The epoch's last step so far, from 0.
    fn last_step(&self) -> usize {
        self.standing.losses.len().saturating_sub(1)
    }

    /// The error of a loss or weight that is not finite, found after step `step` of the epoch, from 0.
    fn not_finite<T>(&self, step: usize, loss: f32) -> Result<T> {
        let Settings {
            optimizer,
            schedule,
            ..
        } = self.settings();
        let Position {
            steps_before,
            total_steps,
            ..
        } = self.standing.position;
        let (peak, at) = (optimizer.learning_rate(), steps_before + step as u64);
        let weights = self.net.weights()?;
        let bad = weights
            .tensors()
            .find(|tensor| tensor.values.iter().any(|value| !value.is_finite()));
        Err(Error::NotFinite {
            epoch: self.epoch_number(),
            step: step + 1,
            loss,
            tensor: bad.map(|tensor| tensor.name),
            learning_rate: schedule.learning_rate(peak, at, total_steps),
            checkpoint: self.last_checkpoint.clone(),
        })
    }

    fn validate(
        &self,
        data: &E::Data,
        samples: &Samples,
        order: &[u32],
        report: &mut EpochReport,
    ) -> Result<()> {
        let loss = self.settings().loss.measured();
        let logits = self.net.logits(data, order)?;
        if matches!(samples.targets, Targets::Labels(_)) {
            let evaluation = Evaluation::of_logits::<N>(samples, order, &logits)?;
            report.validation_accuracy = Some(evaluation.accuracy());
            if loss == Loss::CrossEntropy {
                report.validation_loss = Some(evaluation.loss);
                return Ok(());
            }
        }
        report.validation_loss = Some(mean_loss::<N>(loss, samples, order, &logits));
        Ok(())
    }

    /// Keeps the best weights, tells the caller, and turns to the next epoch.
    fn end_epoch(&mut self, report: EpochReport) -> Result<()> {
        let weights = self.checked_weights()?;
        let epoch = report.epoch;
        let mut has_ended = false;
        if let (Some(stopping), Some(loss)) =
            (self.settings().early_stopping, report.validation_loss)
        {
            let best = self.standing.best.as_ref();
            if stopping.is_better(loss, best.map(|best| best.loss)) {
                self.standing.best = Some(Best {
                    epoch,
                    loss,
                    weights: weights.clone(),
                });
            } else if best.is_some_and(|best| epoch - best.epoch >= stopping.patience) {
                has_ended = true;
            }
        }
        if let Some(callback) = &mut self.trainer.on_epoch {
            has_ended |= callback(&report) == ControlFlow::Break(());
        }
        self.standing.history.epochs.push(report);
        let position = &mut self.standing.position;
        *position = Position {
            epoch,
            samples_done: 0,
            steps_before: position.steps_before + self.standing.losses.len() as u64,
            seconds: 0.0,
            has_ended,
            ..*position
        };
        self.standing.losses.clear();
        if let Some(record) = &self.record {
            record.history(&self.standing.history)?;
        }
        self.write_checkpoint(&weights)
    }

    /// Gives the network its best weights, where they were kept.
    fn finish(self) -> Result<History> {
        let Standing {
            mut history, best, ..
        } = self.standing;
        if let Some(best) = best {
            self.net.restore(&best.weights, None)?;
            history.best_epoch = Some(best.epoch);
        }
        if let Some(record) = self.record {
            record.end(&history, &self.net.weights()?)?;
        }
        Ok(history)
    }
}

/// The mean over samples of `losses`, which are means over batches, the last of which may be smaller.
fn weighted_mean(losses: &[f32], order: &[u32], batch_size: usize) -> f64 {
    let batches = order.chunks(batch_size).map(|batch| batch.len() as f64);
    let sum: f64 = losses
        .iter()
        .zip(batches)
        .map(|(&loss, len)| f64::from(loss) * len)
        .sum();
    sum / order.len() as f64
}
