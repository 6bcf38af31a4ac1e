//! [`Distributed`]: an engine that several processes run together.

use std::{sync::Arc, time::Duration};

use super::{Compression, LocalSteps, World, compression, exchange::Mpi};
use crate::{
    data::DataFor,
    engine::{DataParallel, Engine, OptimizerState, Ranks, Run},
    error::{Error, Result},
    network::Network,
    objective::at_least_one,
    shape::{Sample, Shape},
    train::{describe, weights_of_first},
    weights::Weights,
};

/// An engine that all ranks of a [`World`] run together, each on its part of every batch.
///
/// Its gradients are those of the whole batch, so it trains as one process does, up to the rounding of sums: with the same
/// number of ranks, the same bits, whatever the threads; with one rank, those of the engine alone. Weights are the same bits on
/// all ranks, which is checked after each epoch.
///
/// All ranks call [`upload`](Engine::upload), [`train`](Engine::train), [`logits`](Engine::logits),
/// [`evaluate`](Engine::evaluate) and [`Trainer::fit`](crate::train::Trainer::fit) together, with the same data and
/// settings; a rank that differs is named in the error. The other functions are those of the engine on one rank. A trainer calls its
/// callbacks and writes its files on rank 0; what happens there, as an error or the end of a training, happens on all ranks.
///
/// A training that is resumed from its checkpoints may have another number of ranks.
#[derive(Debug)]
pub struct Distributed<E> {
    engine: E,
    ranks: Ranks,
    mpi: Arc<Mpi>,
    local_steps: Option<LocalSteps>,
    compression: Compression,
}

impl<E> Distributed<E> {
    /// The engine with the weights and the state of rank 0.
    ///
    /// # Errors
    /// [`Error::Setting`] on a rank that differs from rank 0 by its network, its engine or its SIMD instructions, [`Error::Rank`]
    /// on the others.
    pub fn new<N: Network>(world: &World, engine: E) -> Result<Self>
    where
        E: DataParallel<N>,
    {
        let ranks = world.ranks();
        ranks.check_same("network", &describe(&N::PLAN))?;
        ranks.check_same("engine", engine.name())?;
        ranks.check_same("SIMD instructions", &engine.arithmetic())?;
        let mut net = Distributed {
            engine,
            ranks,
            mpi: Arc::clone(&world.mpi),
            local_steps: None,
            compression: Compression::None,
        };
        if net.ranks.count() > 1 {
            weights_of_first(&net.ranks, &mut net.engine)?;
        }
        Ok(net)
    }

    /// Each rank takes steps alone, and then all take the mean of their weights.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 steps, with [`Compression`], or on a rank with other settings than rank 0; [`Error::Rank`] on the
    /// others.
    pub fn local_steps(mut self, settings: LocalSteps) -> Result<Self> {
        let checked = at_least_one("local steps", settings.steps);
        self.ranks
            .agree(checked.and_then(|()| self.check_no_other()))?;
        let own = format!("{settings:?}");
        self.ranks.check_same("local steps", &own)?;
        self.ranks.steps_of_run = settings.steps;
        self.local_steps = Some(settings);
        Ok(self)
    }

    /// How gradients are sent from rank to rank.
    ///
    /// # Errors
    /// [`Error::Setting`] with [`LocalSteps`], which send no gradients, or on a rank with another than rank 0; [`Error::Rank`] on
    /// the others.
    pub fn compression(mut self, compression: Compression) -> Result<Self> {
        self.ranks.agree(self.check_no_other())?;
        let own = format!("{compression:?}");
        self.ranks.check_same("compression", &own)?;
        if compression == Compression::Bf16 {
            self.ranks.steps_of_run = compression::STEPS_OF_RUN;
        }
        self.compression = compression;
        Ok(self)
    }

    /// Checks that ranks neither take local steps nor compress gradients so far.
    fn check_no_other(&self) -> Result<()> {
        if self.local_steps.is_none() && self.compression == Compression::None {
            return Ok(());
        }
        Err(Error::Setting {
            setting: "compression",
            expected: "none with local steps, which send no gradients, and to be set once"
                .to_owned(),
            found: format!("{:?} and {:?}", self.compression, self.local_steps),
        })
    }

    /// The time that this rank has waited for sums of gradients in all its steps: what communication has cost beyond the
    /// computation that goes on meanwhile.
    pub fn waited(&self) -> Duration {
        self.mpi.waited()
    }
}

impl<N: Network, E: DataParallel<N>> Engine<N> for Distributed<E> {
    type Data = E::Data;

    fn ranks(&self) -> Ranks {
        self.ranks.clone()
    }

    fn name(&self) -> &'static str {
        self.engine.name()
    }

    fn device(&self) -> String {
        match self.ranks.count() {
            1 => self.engine.device(),
            count => format!("{count} ranks, each {}", self.engine.device()),
        }
    }

    fn upload(&self, data: &impl DataFor<N::In, N::Output>) -> Result<Self::Data> {
        self.ranks.check_same_sum("data set", || data.sha256())?;
        self.ranks.agree(self.engine.upload(data))
    }

    fn train(&mut self, data: &Self::Data, run: &Run<'_>, losses: &mut Vec<f32>) -> Result<()> {
        match self.local_steps {
            _ if self.ranks.count() == 1 => self.engine.train(data, run, losses),
            None => {
                self.mpi.set_compression(self.compression);
                self.engine.train_part(data, run, &self.ranks, losses)
            }
            Some(local) => local.train((&mut self.engine, &self.ranks), data, run, losses),
        }
    }

    fn logits(&self, data: &Self::Data, order: &[u32]) -> Result<Vec<f32>> {
        if self.ranks.count() == 1 {
            return self.engine.logits(data, order);
        }
        let mut all = Vec::with_capacity(order.len() * N::Output::LEN);
        // a message is less than 2 GiB
        for order in order.chunks(((1 << 28) / N::Output::LEN).max(1)) {
            let part = &order[self.ranks.part(order.len())];
            let logits = self.ranks.agree(self.engine.logits(data, part))?;
            all.extend(self.ranks.gather(logits));
        }
        Ok(all)
    }

    fn forward(&self, features: &[f32]) -> Result<Vec<f32>> {
        self.engine.forward(features)
    }

    fn weights(&self) -> Result<Weights<N>> {
        self.engine.weights()
    }

    fn optimizer_state(&self) -> Result<Option<OptimizerState<N>>> {
        self.engine.optimizer_state()
    }

    fn restore(&mut self, weights: &Weights<N>, state: Option<&OptimizerState<N>>) -> Result<()> {
        self.engine.restore(weights, state)
    }

    fn predict(&self, sample: &impl Sample<N::In>) -> Result<<N::Output as Shape>::Array> {
        self.engine.predict(sample)
    }
}
