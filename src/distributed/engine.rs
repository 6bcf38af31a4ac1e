//! [`Distributed`]: an engine that several processes run together.

use super::World;
use crate::{
    data::DataFor,
    engine::{DataParallel, Engine, OptimizerState, Ranks, Run},
    error::Result,
    network::Network,
    shape::{Sample, Shape},
    train::{describe, weights_of_first},
    weights::Weights,
};

/// An engine that all ranks of a [`World`] run together, each on its part of every batch.
#[derive(Debug)]
pub struct Distributed<E> {
    engine: E,
    ranks: Ranks,
}

impl<E> Distributed<E> {
    /// The engine with the weights and the state of rank 0.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) on a rank that differs from rank 0 by its network, its engine, its SIMD instructions
    /// or its version of this crate, [`Error::Rank`](crate::Error::Rank) on the others.
    pub fn new<N: Network>(world: &World, engine: E) -> Result<Self>
    where
        E: DataParallel<N>,
    {
        let ranks = world.ranks();
        ranks.check_same("version of tuplenet", env!("CARGO_PKG_VERSION"))?;
        ranks.check_same("network", &describe(&N::PLAN))?;
        ranks.check_same("engine", engine.name())?;
        ranks.check_same("SIMD instructions", &engine.arithmetic())?;
        let mut net = Distributed { engine, ranks };
        if net.ranks.count() > 1 {
            weights_of_first(&net.ranks, &mut net.engine)?;
        }
        Ok(net)
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
        format!("{} ranks of {}", self.ranks.count(), self.engine.device())
    }

    fn upload(&self, data: &impl DataFor<N::In, N::Output>) -> Result<Self::Data> {
        self.engine.upload(data)
    }

    fn train(&mut self, data: &Self::Data, run: &Run<'_>, losses: &mut Vec<f32>) -> Result<()> {
        match self.ranks.count() {
            1 => self.engine.train(data, run, losses),
            _ => self.engine.train_part(data, run, &self.ranks, losses),
        }
    }

    fn logits(&self, data: &Self::Data, order: &[u32]) -> Result<Vec<f32>> {
        let part = &order[self.ranks.part(order.len())];
        let logits = self.ranks.agree(self.engine.logits(data, part))?;
        Ok(self.ranks.gather(logits))
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
