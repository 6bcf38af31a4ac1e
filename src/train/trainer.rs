//! [`Trainer`]: what a training is told. It begins in `fit.rs`.

use std::{fmt, ops::ControlFlow, path::PathBuf, sync::atomic::AtomicBool};

use super::{Checkpoints, EarlyStopping, EpochReport, Progress, settings::Settings};
use crate::objective::{Loss, Optimizer, Schedule};

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
    pub(super) settings: Settings,
    pub(super) checkpoints: Option<Checkpoints>,
    pub(super) run_folder: Option<PathBuf>,
    pub(super) stop: Option<&'a AtomicBool>,
    pub(super) on_epoch: Option<OnEpoch<'a>>,
    pub(super) on_progress: Option<OnProgress<'a>>,
}

impl<'a> Trainer<'a> {
    /// One epoch, batches of 100, seed 0, a constant learning rate, cross-entropy, no clipping, no validation:
    /// change them by the methods.
    pub fn new(optimizer: impl Into<Optimizer>) -> Self {
        Trainer {
            settings: Settings {
                optimizer: optimizer.into(),
                schedule: Schedule::default(),
                clip_norm: None,
                loss: Loss::default(),
                epochs: 1,
                initial_epoch: 0,
                reset_optimizer: false,
                batch_size: 100,
                seed: 0,
                validation_samples: 0,
                early_stopping: None,
            },
            checkpoints: None,
            run_folder: None,
            stop: None,
            on_epoch: None,
            on_progress: None,
        }
    }

    /// How many times the samples are gone through; at least 1. With an
    /// [`initial_epoch`](Trainer::initial_epoch), the epochs before it are counted in.
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.settings.epochs = epochs;
        self
    }

    /// Epochs that an earlier [`fit`](Trainer::fit) has trained, 0 by default: this one goes on with the next of
    /// them, as one training of all [`epochs`](Trainer::epochs) would. That decides the order of samples, dropout,
    /// distortion, the place in the schedule, and the numbers of epochs and steps in reports. The weights and
    /// the optimiser's state are those of the network at hand.
    ///
    /// As Keras' `fit(initial_epoch=..)`.
    pub fn initial_epoch(mut self, epochs_before: usize) -> Self {
        self.settings.initial_epoch = epochs_before;
        self
    }

    /// Whether the optimiser's state (moments, and Adam's count of steps) begins afresh with each
    /// [`fit`](Trainer::fit), instead of going on from the last one; off by default. A training that goes on from a
    /// checkpoint keeps the checkpoint's.
    pub fn reset_optimizer(mut self, reset: bool) -> Self {
        self.settings.reset_optimizer = reset;
        self
    }

    /// Samples in a batch; at least 1. The last batch of an epoch may be smaller.
    pub fn batch(mut self, batch_size: usize) -> Self {
        self.settings.batch_size = batch_size;
        self
    }

    /// Decides shuffling, the validation split and dropout. Same seed, same engine: the same bits.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = seed;
        self
    }

    /// What is minimised.
    pub fn loss(mut self, loss: Loss) -> Self {
        self.settings.loss = loss;
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
        self.settings.schedule = schedule.into();
        self
    }

    /// Clips the gradient of each step by norm: where its norm over all parameters together is larger than
    /// this, it is scaled down to it (see [`Run::clip_norm`](crate::engine::Run::clip_norm)). Off by default.
    ///
    /// A step from a batch that is far off then does no more harm than another.
    ///
    /// ```
    /// use tuplenet::prelude::*;
    ///
    /// let trainer = Trainer::new(Sgd::default()).clip_norm(1.0);
    /// ```
    pub fn clip_norm(mut self, norm: f64) -> Self {
        self.settings.clip_norm = Some(norm);
        self
    }

    /// Holds back this many samples and measures on them after each epoch. They are chosen by the seed, of
    /// each class its share. Where an epoch's samples are distorted ([`Augmented`](crate::data::Augmented)),
    /// these are measured as they are without. For a set of your own, see
    /// [`fit_with_validation`](Trainer::fit_with_validation).
    pub fn validation(mut self, samples: usize) -> Self {
        self.settings.validation_samples = samples;
        self
    }

    /// Ends the training when the loss on the validation samples gets no better, and gives the network its
    /// best weights, on every exit.
    pub fn early_stopping(mut self, early_stopping: EarlyStopping) -> Self {
        self.settings.early_stopping = Some(early_stopping);
        self
    }

    /// Writes down where the training stands, so that it can go on after it was stopped.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Writes into this folder, which is made where it is missing, all that it takes to repeat the training
    /// and what came of it: `run.json` with the command, the program's and the data's SHA-256, every setting,
    /// engine and device, and on every exit the `result`: its `outcome` (`complete`, `stopped`, `failed` or
    /// `panicked`), the `error` in words and the SHA-256 of the weights; `history.jsonl` with the
    /// [`History`](super::History), one line of JSON for each point and each epoch. Files of an earlier training there are replaced.
    /// Without a `result`, the program was killed.
    pub fn run_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.run_folder = Some(folder.into());
        self
    }

    /// Looked at some fifty times an epoch, after each run of batches; when it is `true`, the training writes a
    /// checkpoint, if it is told to write any, and ends with [`Error::Stopped`](crate::Error::Stopped). For a
    /// handler of Ctrl-C.
    pub fn stop_when(mut self, flag: &'a AtomicBool) -> Self {
        self.stop = Some(flag);
        self
    }

    /// Called after each epoch; `ControlFlow::Break(())` ends the training there. Of a training that is
    /// resumed, it hears the epochs that are trained from there on. An epoch's checkpoint is written after the
    /// call, so an epoch whose call panicked is trained again.
    pub fn on_epoch(mut self, callback: impl FnMut(&EpochReport) -> ControlFlow<()> + 'a) -> Self {
        self.on_epoch = Some(Box::new(callback));
        self
    }

    /// Called some fifty times an epoch, to draw progress.
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + 'a) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }
}

impl fmt::Debug for Trainer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("settings", &self.settings)
            .field("checkpoints", &self.checkpoints)
            .field("run_folder", &self.run_folder)
            .finish_non_exhaustive()
    }
}
