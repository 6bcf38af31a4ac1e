//! [`Trainer`]: the settings of a training. `fit.rs` starts it.

use std::{fmt, marker::PhantomData, ops::ControlFlow, path::PathBuf, sync::atomic::AtomicBool};

use super::{Checkpoints, EarlyStopping, EpochReport, Progress, Shuffle, settings::Settings};
use crate::objective::{CrossEntropy, Loss, Optimizer, Schedule};

type OnEpoch<'a> = Box<dyn FnMut(&EpochReport) -> ControlFlow<()> + 'a>;
type OnProgress<'a> = Box<dyn FnMut(&Progress) + 'a>;

/// Trains a network: epochs, batches, seed, validation, callbacks.
///
/// ```
/// # #[cfg(feature = "dfdx")] {
/// use tuplenet::{prelude::*, shape::Features, target::Classes};
///
/// type Xor = (Linear<2, 8>, Tanh, Linear<8, 2>);
/// let inputs = vec![0., 0., 0., 1., 1., 0., 1., 1.];
/// let data = Dataset::<Features<2>, Classes<2>>::from_values(inputs, vec![0, 1, 1, 0])?;
/// let mut net = Tape::<Xor>::new(Weights::init(1))?;
/// let adam = Adam { learning_rate: 0.05, ..Adam::default() };
/// let history = Trainer::new(adam).epochs(200).batch(4).seed(1).fit(&mut net, &data)?;
/// assert!(history.epochs[199].train_loss < 0.1);
/// assert_eq!(net.evaluate(&data)?.accuracy(), 1.0);
/// # }
/// # Ok::<(), tuplenet::Error>(())
/// ```
///
/// `L` is the [loss](Trainer::loss), which must fit the targets of the data: see [`TargetOf`](crate::objective::TargetOf).
pub struct Trainer<'a, L = CrossEntropy> {
    pub(super) options: Options<'a>,
    loss: PhantomData<fn() -> L>,
}

/// What a [`Trainer`] is set to.
pub(super) struct Options<'a> {
    pub(super) settings: Settings,
    pub(super) checkpoints: Option<Checkpoints>,
    pub(super) run_folder: Option<PathBuf>,
    pub(super) stop: Option<&'a AtomicBool>,
    pub(super) on_epoch: Option<OnEpoch<'a>>,
    pub(super) on_progress: Option<OnProgress<'a>>,
}

impl<'a> Trainer<'a> {
    /// Defaults: one epoch, batch size 100, a random order of all samples, seed 0, constant learning rate, cross-entropy, no clipping, no validation.
    pub fn new(optimizer: impl Into<Optimizer>) -> Self {
        let options = Options {
            settings: Settings {
                optimizer: optimizer.into(),
                schedule: Schedule::default(),
                clip_norm: None,
                loss: Loss::default(),
                epochs: 1,
                initial_epoch: 0,
                reset_optimizer: false,
                batch_size: 100,
                shuffle: Shuffle::All,
                seed: 0,
                validation_samples: 0,
                early_stopping: None,
            },
            checkpoints: None,
            run_folder: None,
            stop: None,
            on_epoch: None,
            on_progress: None,
        };
        Trainer {
            options,
            loss: PhantomData,
        }
    }
}

impl<'a, L> Trainer<'a, L> {
    /// The number of epochs (passes over the samples); at least 1. It includes the epochs before an
    /// [`initial_epoch`](Trainer::initial_epoch).
    pub fn epochs(mut self, epochs: usize) -> Self {
        self.options.settings.epochs = epochs;
        self
    }

    /// The number of epochs that an earlier [`fit`](Trainer::fit) has trained, 0 by default: this one continues with
    /// the next, as one training of all [`epochs`](Trainer::epochs) would. It determines the order of samples, dropout,
    /// distortion, the position in the schedule, and the numbers of epochs and steps in reports. The weights and the
    /// optimiser state are those of the given network.
    ///
    /// As Keras' `fit(initial_epoch=..)`.
    pub fn initial_epoch(mut self, epochs_before: usize) -> Self {
        self.options.settings.initial_epoch = epochs_before;
        self
    }

    /// Whether each [`fit`](Trainer::fit) resets the optimiser state (moments, and Adam's step count) instead of
    /// continuing with that of the last one; off by default. A training that resumes from a checkpoint uses the state
    /// in the checkpoint.
    pub fn reset_optimizer(mut self, reset: bool) -> Self {
        self.options.settings.reset_optimizer = reset;
        self
    }

    /// The batch size in samples; at least 1. The last batch of an epoch may be smaller.
    pub fn batch(mut self, batch_size: usize) -> Self {
        self.options.settings.batch_size = batch_size;
        self
    }

    /// How the samples of an epoch are ordered; [`Shuffle::All`], a random order of all, by default.
    ///
    /// ```
    /// use tuplenet::{prelude::*, train::Shuffle};
    ///
    /// let trainer = Trainer::new(Adam::default()).shuffle(Shuffle::BLOCKS); // for data larger than memory
    /// ```
    pub fn shuffle(mut self, shuffle: Shuffle) -> Self {
        self.options.settings.shuffle = shuffle;
        self
    }

    /// The seed of shuffling, the validation split and dropout. The same seed on the same engine gives the same bits.
    pub fn seed(mut self, seed: u64) -> Self {
        self.options.settings.seed = seed;
        self
    }

    /// The loss to minimise; [`CrossEntropy`] by default. Its type must fit the targets of the data, as
    /// [`TargetOf`](crate::objective::TargetOf) says; a [`Loss`] that is chosen at run time is checked by
    /// [`fit`](Trainer::fit).
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::Values};
    ///
    /// let line = Dataset::<Features<1>, Values<1>>::regression(vec![0., 1., 2.], vec![1., 3., 5.])?;
    /// let mut net = Fused::<(Linear<1, 1>,)>::new(Weights::init(1))?;
    /// let sgd = Sgd { learning_rate: 0.1, ..Sgd::default() };
    /// Trainer::new(sgd).epochs(300).loss(MeanSquaredError).fit(&mut net, &line)?;
    /// let [y] = net.predict(&[3.0])?;
    /// assert!((y - 7.0).abs() < 1e-3);
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    pub fn loss<M: Into<Loss>>(self, loss: M) -> Trainer<'a, M> {
        let settings = Settings {
            loss: loss.into(),
            ..self.options.settings
        };
        Trainer {
            options: Options {
                settings,
                ..self.options
            },
            loss: PhantomData,
        }
    }

    /// The learning rate schedule over all epochs of the training; its peak is the optimiser's learning rate. Each
    /// [`fit`](Trainer::fit) restarts it.
    ///
    /// ```
    /// use tuplenet::prelude::*;
    ///
    /// let adam = Adam { learning_rate: 8e-3, ..Adam::default() };
    /// let trainer = Trainer::new(adam).epochs(4).schedule(OneCycle::default());
    /// ```
    pub fn schedule(mut self, schedule: impl Into<Schedule>) -> Self {
        self.options.settings.schedule = schedule.into();
        self
    }

    /// Clips the gradient of each step by its norm over all parameters: a larger norm is scaled down to this one (see
    /// [`Run::clip_norm`](crate::engine::Run::clip_norm)). Off by default.
    ///
    /// This limits the effect of a batch with outliers.
    ///
    /// ```
    /// use tuplenet::prelude::*;
    ///
    /// let trainer = Trainer::new(Sgd::default()).clip_norm(1.0);
    /// ```
    pub fn clip_norm(mut self, norm: f64) -> Self {
        self.options.settings.clip_norm = Some(norm);
        self
    }

    /// Holds out this many samples and evaluates on them after each epoch. The seed chooses them, stratified by class.
    /// If the samples are distorted ([`Augmented`](crate::data::Augmented)), the held-out ones are evaluated without
    /// distortion. For a separate validation set, see [`fit_with_validation`](Trainer::fit_with_validation).
    pub fn validation(mut self, samples: usize) -> Self {
        self.options.settings.validation_samples = samples;
        self
    }

    /// Ends the training when the validation loss no longer improves, and restores the best weights on every exit.
    pub fn early_stopping(mut self, early_stopping: EarlyStopping) -> Self {
        self.options.settings.early_stopping = Some(early_stopping);
        self
    }

    /// Writes checkpoints, from which a stopped training can resume.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.options.checkpoints = Some(checkpoints);
        self
    }

    /// Writes everything needed to reproduce the training, and its result, to this folder, which is created if missing.
    /// `run.json` has the command, the SHA-256 of program and data, every setting, engine and device, and on every exit
    /// the `result`: its `outcome` (`complete`, `stopped`, `failed` or `panicked`), the `error` message and the SHA-256
    /// of the weights. `history.jsonl` has the [`History`](super::History), one line of JSON for each point and each
    /// epoch. Existing files of an earlier training are replaced. If there is no `result`, the program was killed.
    pub fn run_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.options.run_folder = Some(folder.into());
        self
    }

    /// A stop flag, checked some fifty times an epoch, after each run of batches. When it is `true`, the training
    /// writes a checkpoint, if checkpoints are enabled, and ends with [`Error::Stopped`](crate::Error::Stopped). Useful
    /// in a Ctrl-C handler.
    pub fn stop_when(mut self, flag: &'a AtomicBool) -> Self {
        self.options.stop = Some(flag);
        self
    }

    /// A callback after each epoch; `ControlFlow::Break(())` ends the training. In a resumed training, it is called for
    /// the epochs after the resume. The checkpoint of an epoch is written after the call, so an epoch whose callback
    /// panicked is trained again.
    pub fn on_epoch(mut self, callback: impl FnMut(&EpochReport) -> ControlFlow<()> + 'a) -> Self {
        self.options.on_epoch = Some(Box::new(callback));
        self
    }

    /// A callback some fifty times an epoch, to show progress.
    pub fn on_progress(mut self, callback: impl FnMut(&Progress) + 'a) -> Self {
        self.options.on_progress = Some(Box::new(callback));
        self
    }
}

impl<L> fmt::Debug for Trainer<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("settings", &self.options.settings)
            .field("checkpoints", &self.options.checkpoints)
            .field("run_folder", &self.options.run_folder)
            .finish_non_exhaustive()
    }
}
