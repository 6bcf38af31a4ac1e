//! [`Trainer`]: epochs over shuffled batches, on any engine.

use std::{fmt, ops::ControlFlow, sync::Arc, time::Instant};

use super::{EpochReport, Evaluation, History, Loss, Optimizer, Schedule, evaluation::mean_loss};
use crate::{
    Network,
    data::{DataFor, Samples, Targets, TrainingData},
    engine::{Engine, Run},
    error::{Error, Result},
    seed,
};

/// Into how many runs of batches an epoch is cut; progress is reported after each.
const RUNS_PER_EPOCH: usize = 50;

type OnEpoch<'a> = Box<dyn FnMut(&EpochReport) -> ControlFlow<()> + 'a>;
type OnProgress<'a> = Box<dyn FnMut(&Progress) + 'a>;

/// Trains a network: epochs, batches, seed, validation, callbacks.
///
/// ```
/// # #[cfg(feature = "dfdx")] {
/// use tuplenet::prelude::*;
///
/// type Xor = (Linear<2, 8>, Tanh, Linear<8, 2>);
/// let data = Dataset::<2, 2>::from_values(vec![0., 0., 0., 1., 1., 0., 1., 1.], vec![0, 1, 1, 0])?;
/// let mut net = Tape::<Xor>::new(Weights::init(1))?;
/// let adam = Adam { learning_rate: 0.05, ..Adam::default() };
/// let history = Trainer::new(adam).epochs(200).batch(4).seed(1).fit(&mut net, &data)?;
/// assert!(history.epochs[199].train_loss < 0.1);
/// assert_eq!(net.evaluate(&data)?.accuracy(), 1.0);
/// # }
/// # Ok::<(), tuplenet::Error>(())
/// ```
pub struct Trainer<'a> {
    optimizer: Optimizer,
    schedule: Schedule,
    loss: Loss,
    epochs: usize,
    batch_size: usize,
    seed: u64,
    validation_samples: usize,
    on_epoch: Option<OnEpoch<'a>>,
    on_progress: Option<OnProgress<'a>>,
}

/// Where a run stands within an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Samples trained on in this epoch so far.
    pub samples_done: usize,
    /// Samples that this epoch trains on.
    pub samples: usize,
    /// The last batch's mean loss.
    pub loss: f32,
}

/// Where a training stands between epochs.
#[derive(Clone, Copy)]
struct Steps {
    /// Taken in the epochs before.
    done: u64,
    /// Of all epochs, if each is as long as the first.
    total: u64,
}

impl<'a> Trainer<'a> {
    /// One epoch, batches of 100, seed 0, a constant learning rate, cross-entropy, no validation:
    /// change them by the methods.
    pub fn new(optimizer: impl Into<Optimizer>) -> Self {
        Trainer {
            optimizer: optimizer.into(),
            schedule: Schedule::default(),
            loss: Loss::default(),
            epochs: 1,
            batch_size: 100,
            seed: 0,
            validation_samples: 0,
            on_epoch: None,
            on_progress: None,
        }
    }

    /// How many times the samples are gone through; at least 1.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.epochs = epochs;
        self
    }

    /// Samples in a batch; at least 1. The last batch of an epoch may be smaller.
    pub fn batch(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Decides shuffling, the validation split and dropout. Same seed, same engine: the same bits.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What is made small.
    pub fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// How the learning rate changes over the whole training, all epochs together; its peak is the
    /// optimiser's learning rate. Each [`fit`](Trainer::fit) begins it afresh.
    ///
    /// ```
    /// use tuplenet::prelude::*;
    ///
    /// let adam = Adam { learning_rate: 8e-3, ..Adam::default() };
    /// let trainer = Trainer::new(adam).epochs(4).schedule(OneCycle::default());
    /// ```
    pub fn schedule(mut self, schedule: impl Into<Schedule>) -> Self {
        self.schedule = schedule.into();
        self
    }

    /// Holds back this many samples, chosen by the seed, and measures on them after each epoch.
    pub fn validation(mut self, samples: usize) -> Self {
        self.validation_samples = samples;
        self
    }

    /// Called after each epoch; `ControlFlow::Break(())` ends the run there.
    pub fn on_epoch(mut self, callback: impl FnMut(&EpochReport) -> ControlFlow<()> + 'a) -> Self {
        self.on_epoch = Some(Box::new(callback));
        self
    }

    /// Called some fifty times an epoch, to draw progress.
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + 'a) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Trains `net` on `data`.
    ///
    /// `data` is a [`Dataset`](crate::data::Dataset), or [`Digits`](crate::data::Digits), which
    /// gives fresh samples every epoch.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting out of its range, before anything is trained;
    /// [`Error::NotFinite`] when a batch's loss is not finite; [`Error::Device`] when the engine's
    /// device fails.
    pub fn fit<N, E, D>(&mut self, net: &mut E, data: &D) -> Result<History>
    where
        N: Network,
        E: Engine<N>,
        D: TrainingData<N::In, N::Output>,
    {
        self.check()?;
        let mut history = History::default();
        let mut losses = Vec::new();
        let mut steps = Steps { done: 0, total: 0 };
        let mut at_hand: Option<(D::Epoch, E::Data)> = None;
        for epoch in 0..self.epochs {
            let next = data.epoch(epoch)?;
            let (samples, uploaded) = match at_hand.take() {
                Some((samples, uploaded)) if Arc::ptr_eq(samples.samples(), next.samples()) => {
                    (samples, uploaded)
                }
                _ => {
                    let uploaded = net.upload(&next)?;
                    (next, uploaded)
                }
            };
            let (mut train, validation) = self.split(samples.samples())?;
            seed::shuffle(&mut train, self.seed, epoch);
            if epoch == 0 {
                steps.total = self.steps(train.len());
            }

            losses.clear();
            let started = Instant::now();
            self.train_epoch(net, &uploaded, &train, epoch, steps, &mut losses)?;
            let train_seconds = started.elapsed().as_secs_f64();
            steps.done += losses.len() as u64;

            let mut report = EpochReport {
                epoch: epoch + 1,
                train_loss: weighted_mean(&losses, &train, self.batch_size),
                validation_loss: None,
                validation_accuracy: None,
                train_seconds,
                samples_per_second: train.len() as f64 / train_seconds,
            };
            if !validation.is_empty() {
                self.validate(net, &uploaded, samples.samples(), &validation, &mut report)?;
            }
            at_hand = Some((samples, uploaded));
            let flow = self.on_epoch.as_mut().map(|callback| callback(&report));
            history.epochs.push(report);
            if flow == Some(ControlFlow::Break(())) {
                break;
            }
        }
        Ok(history)
    }

    /// The steps of all epochs, if each has this many samples.
    fn steps(&self, samples: usize) -> u64 {
        let batches = samples.div_ceil(self.batch_size);
        self.epochs.saturating_mul(batches) as u64
    }

    /// Checks the settings that need no data.
    fn check(&self) -> Result<()> {
        for (setting, value) in [("epochs", self.epochs), ("batch size", self.batch_size)] {
            if value == 0 {
                return Err(Error::Setting {
                    setting,
                    expected: "1 or more".to_owned(),
                    found: "0".to_owned(),
                });
            }
        }
        self.optimizer.check()?;
        self.schedule.check()
    }

    /// The samples to train on and those held back, the same in every epoch.
    fn split(&self, samples: &Samples) -> Result<(Vec<u32>, Vec<u32>)> {
        let mut order: Vec<u32> = (0..samples.len as u32).collect();
        if self.validation_samples == 0 {
            return Ok((order, Vec::new()));
        }
        if self.validation_samples >= samples.len {
            return Err(Error::Setting {
                setting: "validation samples",
                expected: format!("fewer than the {} samples there are", samples.len),
                found: self.validation_samples.to_string(),
            });
        }
        seed::shuffle_for_split(&mut order, self.seed);
        let train = order.split_off(self.validation_samples);
        Ok((train, order))
    }

    /// One epoch's steps, in runs of batches, with progress between them.
    fn train_epoch<N: Network, E: Engine<N>>(
        &mut self,
        net: &mut E,
        data: &E::Data,
        order: &[u32],
        epoch: usize,
        steps: Steps,
        losses: &mut Vec<f32>,
    ) -> Result<()> {
        let batches = order.len().div_ceil(self.batch_size);
        let samples_per_run = batches
            .div_ceil(RUNS_PER_EPOCH)
            .saturating_mul(self.batch_size);
        let mut samples_done = 0;
        for order_of_run in order.chunks(samples_per_run) {
            let before = losses.len();
            let run = Run {
                order: order_of_run,
                batch_size: self.batch_size,
                optimizer: &self.optimizer,
                schedule: self.schedule,
                total_steps: steps.total,
                loss: self.loss,
                seed: self.seed,
                first_step: steps.done + before as u64,
            };
            net.train(data, &run, losses)?;
            if let Some(at) = losses[before..].iter().position(|loss| !loss.is_finite()) {
                return Err(Error::NotFinite {
                    epoch: epoch + 1,
                    step: before + at + 1,
                    loss: losses[before + at],
                    learning_rate: run.learning_rate(at),
                });
            }
            samples_done += order_of_run.len();
            if let (Some(callback), Some(&loss)) = (&mut self.on_progress, losses.last()) {
                callback(&Progress {
                    epoch: epoch + 1,
                    samples_done,
                    samples: order.len(),
                    loss,
                });
            }
        }
        Ok(())
    }

    fn validate<N: Network, E: Engine<N>>(
        &self,
        net: &E,
        data: &E::Data,
        samples: &Samples,
        order: &[u32],
        report: &mut EpochReport,
    ) -> Result<()> {
        if matches!(samples.targets, Targets::Labels(_)) {
            let evaluation = Evaluation::new::<N, E>(net, data, samples, order)?;
            report.validation_accuracy = Some(evaluation.accuracy());
            if self.loss == Loss::CrossEntropy {
                report.validation_loss = Some(evaluation.loss);
                return Ok(());
            }
        }
        let logits = net.logits(data, order)?;
        report.validation_loss = Some(mean_loss::<N>(self.loss, samples, order, &logits));
        Ok(())
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

impl fmt::Debug for Trainer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("optimizer", &self.optimizer)
            .field("schedule", &self.schedule)
            .field("loss", &self.loss)
            .field("epochs", &self.epochs)
            .field("batch_size", &self.batch_size)
            .field("seed", &self.seed)
            .field("validation_samples", &self.validation_samples)
            .finish_non_exhaustive()
    }
}
