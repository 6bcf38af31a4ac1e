//! [`Trainer::fit`]: the start of a training, and its end on every exit.

use std::panic::{self, AssertUnwindSafe};

use super::{
    Checkpoints, History, Trainer, checkpoint::Identity, epochs::run, observers::Observers,
    trainer::Options, training::Training,
};
use crate::{
    data::{DataFor, TrainingData, ValidationData},
    engine::Engine,
    error::Result,
    network::Network,
    objective::TargetOf,
    shape::Shape,
};

impl<L> Trainer<'_, L> {
    /// Trains `net` on `data`.
    ///
    /// `data` is a [`Dataset`](crate::data::Dataset), or a source of new samples every epoch:
    /// [`Digits`](crate::data::Digits), [`Augmented`](crate::data::Augmented).
    ///
    /// # What the network holds afterwards
    ///
    /// | exit | weights | optimiser state |
    /// | --- | --- | --- |
    /// | any, with [`EarlyStopping`](crate::train::EarlyStopping), after the first validation (possibly before the checkpoint it resumed from) | those of the best epoch | reset |
    /// | an error before the first step | unchanged, or those of the checkpoint | likewise; [reset](Trainer::reset_optimizer) if requested |
    /// | `Ok`: all epochs, or `on_epoch` ended it | after the last step | after the last step |
    /// | [`Error::Stopped`](crate::Error::Stopped) | after the last step | after the last step |
    /// | [`Error::NotFinite`](crate::Error::NotFinite) | after the last step: not usable | likewise |
    /// | another error, or a panic of a callback | after the last step | after the last step |
    ///
    /// Only if the engine's device fails ([`Error::Device`](crate::Error::Device)) can a step be incomplete or the
    /// best weights be lost. On every exit the written checkpoints are complete, their folder is unlocked, and
    /// `run.json` and `history.jsonl` of a [`run_folder`](Trainer::run_folder) record the outcome. If several errors
    /// occur, the first is returned. A panic resumes after that.
    ///
    /// # Training again
    ///
    /// A second `fit` continues with the network's weights and its optimiser state, unless that is
    /// [reset](Trainer::reset_optimizer) or the optimiser is of another kind. Everything else is reset: epochs are
    /// counted from 1, so the same seed repeats the order of samples, the dropout and the distortion of the first
    /// `fit`; the schedule starts at its first learning rate; early stopping has no best epoch; the history is empty.
    /// The validation split is the same for the same seed. To continue with the next epochs instead, set
    /// [`initial_epoch`](Trainer::initial_epoch); for another order, set another [`seed`](Trainer::seed). With
    /// [`Checkpoints::resume`], `fit` resumes from the newest checkpoint instead of the state of the network.
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
    /// [`Error::Setting`](crate::Error::Setting) for a setting out of range, before the first step;
    /// [`Error::NotFinite`](crate::Error::NotFinite) when a loss or a weight is not finite;
    /// [`Error::Checkpoint`](crate::Error::Checkpoint) when the newest checkpoint is damaged or of another training, or
    /// when the folder is in use or, without resume, already has checkpoints; [`Error::Io`](crate::Error::Io) when a
    /// checkpoint or a file of the run folder cannot be written; [`Error::Stopped`](crate::Error::Stopped) when the
    /// stop flag is set; [`Error::Device`](crate::Error::Device) when the engine's device fails; and the errors of
    /// [`TrainingData::epoch`].
    ///
    /// # Panics
    /// When a callback, the engine or `data` panics.
    pub fn fit<N, E, D>(&mut self, net: &mut E, data: &D) -> Result<History>
    where
        N: Network,
        E: Engine<N>,
        D: TrainingData<N::In, N::Output, Target: TargetOf<L>>,
    {
        fit(&mut self.options, net, data, None::<&D::Epoch>)
    }

    /// As [`fit`](Trainer::fit), but evaluates on all samples of `validation` after each epoch instead of on held-out
    /// samples, so it trains on all of `data`.
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
    /// As [`fit`](Trainer::fit); [`Error::Setting`](crate::Error::Setting) when samples are also
    /// [held out](Trainer::validation), or for a [`Loss`](crate::objective::Loss), chosen at run time, that does not fit
    /// the targets.
    pub fn fit_with_validation<N, E, D, V>(
        &mut self,
        net: &mut E,
        data: &D,
        validation: &V,
    ) -> Result<History>
    where
        N: Network,
        E: Engine<N>,
        D: TrainingData<N::In, N::Output, Target: TargetOf<L>>,
        V: ValidationData + DataFor<N::In, N::Output, Target: TargetOf<L>>,
    {
        fit(&mut self.options, net, data, Some(validation))
    }
}

/// Trains `net`, and evaluates it on `set` if there is one. [`Trainer::fit`] documents every exit.
fn fit<N, E, D, V>(
    options: &mut Options<'_>,
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
    let settings = options.settings.clone();
    let ranks = net.ranks();
    let checkpoints = options.checkpoints.as_ref();
    let checked = settings.check(set.map(|set| &**set.samples()), N::Output::LEN);
    ranks.agree(checked.and_then(|()| checkpoints.map_or(Ok(()), Checkpoints::check)))?;
    let has_files = options.checkpoints.is_some() || options.run_folder.is_some();
    let is_identified = has_files || ranks.count() > 1;
    let identity = is_identified.then(|| {
        let set = set.map(DataFor::sha256);
        Identity::new::<N>(net.name(), data.fingerprint(), set, settings.clone())
    });
    if let Some(identity) = identity.as_ref().filter(|_| ranks.count() > 1) {
        identity.check_same(&ranks)?;
    }
    let (mut observers, resumed) = Observers::new(options, identity, ranks)?;
    let mut training = Training::begin(net, settings, resumed)?;
    // A panic, of a callback for example, is handled like any other exit before it is resumed.
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        observers.begin(&mut training)?;
        run(&mut training, &mut observers, data, set)
    }));
    observers.end(training, outcome)
}
