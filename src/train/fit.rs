//! [`Trainer::fit`]: a training's beginning, and its end on every exit.

use std::panic::{self, AssertUnwindSafe};

use super::{
    Checkpoints, History, Trainer, checkpoint::Identity, epochs::run, observers::Observers,
    training::Training,
};
use crate::{
    data::{DataFor, TrainingData},
    engine::Engine,
    error::Result,
    network::Network,
};

impl Trainer<'_> {
    /// Trains `net` on `data`.
    ///
    /// `data` is a [`Dataset`](crate::data::Dataset), or a source of fresh samples every epoch:
    /// [`Digits`](crate::data::Digits), [`Augmented`](crate::data::Augmented).
    ///
    /// # What the network holds afterwards
    ///
    /// | exit | weights | optimiser state |
    /// | --- | --- | --- |
    /// | any, with [`EarlyStopping`](crate::train::EarlyStopping), once an epoch was measured (also before the checkpoint that was read) | those of the best epoch | none: a fresh one |
    /// | an error before the first step | as before, or those of the checkpoint that was read | likewise; none where it is [reset](Trainer::reset_optimizer) |
    /// | `Ok`: all epochs, or `on_epoch` ended it | after the last step | after the last step |
    /// | [`Error::Stopped`](crate::Error::Stopped) | after the last step | after the last step |
    /// | [`Error::NotFinite`](crate::Error::NotFinite) | after the last step: of no use | likewise |
    /// | another error, or a panic of a callback | after the last step | after the last step |
    ///
    /// Only where the engine's device fails ([`Error::Device`](crate::Error::Device)) may a step have been taken in
    /// part, and may the best weights be out of reach. On every exit the checkpoints that were written are
    /// whole, their folder is free for another training, and `run.json` and `history.jsonl` of a
    /// [`run_folder`](Trainer::run_folder) say what came of it. An error after which more goes wrong is the
    /// one that is returned. A panic goes on after that.
    ///
    /// # Training again
    ///
    /// A second `fit` goes on with the network's weights and with its optimiser's state, unless it is
    /// [reset](Trainer::reset_optimizer) or the optimiser is of another kind. Everything else begins afresh:
    /// epochs are counted from 1, so the same seed gives the order of samples, the dropout and the
    /// distortion of the first `fit` once more; the schedule begins with its first learning rate; early stopping
    /// knows of no best epoch; the history is empty. The validation split is the same for the same seed. To go on
    /// with the next epochs instead, name them with [`initial_epoch`](Trainer::initial_epoch); for another order,
    /// give another [`seed`](Trainer::seed). With [`Checkpoints::resume`], `fit` goes on from the newest checkpoint
    /// and not from what the network holds.
    ///
    /// ```
    /// use tuplenet::prelude::*;
    ///
    /// type Net = (Linear<784, 16>, ReLU, Linear<16, 10>);
    /// let digits = Digits::new(1).dataset(0..500)?;
    /// let trainer = || Trainer::new(Adam::default()).seed(1);
    ///
    /// let mut net = Fused::<Net>::new(Weights::init(1))?;
    /// trainer().epochs(2).fit(&mut net, &digits)?;
    /// trainer().epochs(5).initial_epoch(2).fit(&mut net, &digits)?; // epochs 3, 4 and 5
    ///
    /// let mut at_once = Fused::<Net>::new(Weights::init(1))?;
    /// trainer().epochs(5).fit(&mut at_once, &digits)?;
    /// assert_eq!(net.weights()?, at_once.weights()?);
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a setting out of its range, before anything is trained;
    /// [`Error::NotFinite`](crate::Error::NotFinite) when a loss or a weight is not finite;
    /// [`Error::Checkpoint`](crate::Error::Checkpoint) when there is none to go on from but a damaged one or
    /// another training's; [`Error::Io`](crate::Error::Io) when a checkpoint or a file of the run folder cannot
    /// be written; [`Error::Stopped`](crate::Error::Stopped) when it was told to stop;
    /// [`Error::Device`](crate::Error::Device) when the engine's device fails; and those of `data`'s
    /// [`epoch`](TrainingData::epoch).
    ///
    /// # Panics
    /// When a callback, the engine or `data` panics.
    pub fn fit<N, E, D>(&mut self, net: &mut E, data: &D) -> Result<History>
    where
        N: Network,
        E: Engine<N>,
        D: TrainingData<N::In, N::Output>,
    {
        fit(self, net, data, None::<&D::Epoch>)
    }

    /// As [`fit`](Trainer::fit), and measures on all samples of `validation` after each epoch, in place of
    /// samples that are held back: then `data` is trained on whole.
    ///
    /// ```
    /// use tuplenet::prelude::*;
    ///
    /// let digits = Digits::new(1);
    /// let (train, validation) = (digits.dataset(0..500)?, digits.dataset(500..600)?);
    /// let mut net = Fused::<(Linear<784, 10>,)>::new(Weights::init(1))?;
    /// let history = Trainer::new(Adam::default())
    ///     .epochs(20)
    ///     .early_stopping(EarlyStopping::default())
    ///     .fit_with_validation(&mut net, &train, &validation)?;
    /// let best = &history.epochs[history.best_epoch.unwrap() - 1];
    /// assert_eq!(best.validation_loss, Some(net.evaluate(&validation)?.loss));
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`fit`](Trainer::fit); [`Error::Setting`](crate::Error::Setting) when samples are to be
    /// [held back](Trainer::validation) as well, or for target values where the loss takes labels.
    pub fn fit_with_validation<N, E, D, V>(
        &mut self,
        net: &mut E,
        data: &D,
        validation: &V,
    ) -> Result<History>
    where
        N: Network,
        E: Engine<N>,
        D: TrainingData<N::In, N::Output>,
        V: DataFor<N::In, N::Output>,
    {
        fit(self, net, data, Some(validation))
    }
}

/// Trains `net`, and measures it on `set` if there is one. [`Trainer::fit`] documents every exit.
fn fit<N, E, D, V>(
    trainer: &mut Trainer<'_>,
    net: &mut E,
    data: &D,
    set: Option<&V>,
) -> Result<History>
where
    N: Network,
    E: Engine<N>,
    D: TrainingData<N::In, N::Output>,
    V: DataFor<N::In, N::Output>,
{
    let settings = trainer.settings;
    settings.check(set.map(|set| &**set.samples()))?;
    trainer
        .checkpoints
        .as_ref()
        .map_or(Ok(()), Checkpoints::check)?;
    let is_identified = trainer.checkpoints.is_some() || trainer.run_folder.is_some();
    let identity = is_identified.then(|| {
        let set = set.map(DataFor::sha256);
        Identity::new::<N>(net.name(), data.fingerprint(), set, settings)
    });
    let (mut observers, resumed) = Observers::new(trainer, identity)?;
    let mut training = Training::begin(net, settings, resumed)?;
    // A panic, of a callback for example, is an exit as any other: what was promised is kept first.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        observers.begin(&mut training)?;
        run(&mut training, &mut observers, data, set)
    }));
    observers.end(training, outcome)
}
