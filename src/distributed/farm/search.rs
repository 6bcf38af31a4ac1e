//! [`Farm::search`]: successive halving, with the trials of each rung farmed out.

use serde::{Serialize, de::DeserializeOwned};

use super::Farm;
use crate::{
    clock::Clock,
    error::{Error, Result},
    train::{Halving, Search, diverged},
};

impl Farm<'_> {
    /// As [`Halving::search`], with the candidates of each rung shared out among the ranks. All ranks call it, with the same
    /// candidates, and get the same result.
    ///
    /// A candidate may go on on another rank, so what its training returns is sent as bytes, as [`Weights`](crate::weights::Weights)
    /// can be. An optimiser's state that is not in it is lost between rungs.
    ///
    /// ```no_run
    /// use tuplenet::{distributed::World, engine::Processor, prelude::*, train::Halving};
    ///
    /// type Net = (Linear<784, 16>, ReLU, Linear<16, 10>);
    ///
    /// let world = World::init()?;
    /// let digits = Digits::new(1);
    /// let (train, validation) = (digits.dataset(0..1000)?, digits.dataset(1000..1500)?);
    /// let learning_rates = vec![0.03, 0.01, 0.003, 0.001, 0.0003];
    /// let search = world.farm().search(Halving::default(), learning_rates, |&learning_rate, weights, epochs| {
    ///     let weights = weights.unwrap_or_else(|| Weights::init(1));
    ///     let mut net = Fused::<Net>::on(Processor::detect().threads(1), weights)?;
    ///     let adam = Adam { learning_rate, ..Adam::default() };
    ///     Trainer::new(adam).epochs(epochs).fit(&mut net, &train)?;
    ///     Ok((net.weights()?, net.evaluate(&validation)?.loss))
    /// })?;
    /// if world.rank() == 0 {
    ///     println!("{search}");
    /// }
    /// world.finish();
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Halving::search`] and [`Farm::run`]; a training that diverged is an [`Error::Rank`] if no candidate has a finite loss.
    pub fn search<S, T>(
        &self,
        halving: Halving,
        candidates: Vec<S>,
        train: impl Fn(&S, Option<T>, usize) -> Result<(T, f64)> + Sync,
    ) -> Result<Search<S, T>>
    where
        S: Clone + Sync,
        T: Clone + Serialize + DeserializeOwned + Sync,
    {
        let rank = self.world.rank();
        halving.search_by(candidates, |rung| {
            let trial = |at: usize| {
                let clock = Clock::start();
                let trained = train(rung.settings[at], rung.states[at].clone(), rung.epochs);
                let trained = diverged(trained)?.map_err(|error| (rank, error.to_string()));
                Ok((trained, clock.elapsed().as_secs_f64()))
            };
            let results = self.run(rung.settings.len(), trial, |_, _| ())?;
            let results = results.into_iter().map(|(trained, seconds)| {
                let trained = trained.map_err(|(rank, message)| Error::Rank { rank, message });
                (trained, seconds)
            });
            Ok(results.collect())
        })
    }
}
