//! Training with tuplenet through its public API, on any engine.

use tuplenet::{
    engine::Run,
    objective::Optimizer,
    prelude::*,
    shape::{Features, Shape},
    target::Classes,
};

use super::served::{Result, Served, Setup};

/// Creates the measured engine for any network.
pub trait Maker {
    type Engine<N: Network>: Engine<N>;
    fn make<N: Network>(&self, weights: Weights<N>) -> tuplenet::Result<Self::Engine<N>>;
}

/// A data set as uploaded to the measured engine.
pub type Data<M, N> = <<M as Maker>::Engine<N> as Engine<N>>::Data;

/// The initial weights.
pub fn weights<N: Network>(setup: &Setup) -> Result<Weights<N>> {
    Ok(Weights::load(setup.folder.join("weights.safetensors"))?)
}

/// All samples: pixels as bytes, dense values as `f32`.
pub fn dataset<S: Shape, const O: usize>(setup: &Setup) -> Result<Dataset<S, Classes<O>>> {
    let labels = setup.labels()?;
    let pixels = setup.folder.join("pixels.u8");
    Ok(match pixels.exists() {
        true => Dataset::from_bytes(std::fs::read(pixels)?, 1.0 / 255.0, labels)?,
        false => Dataset::from_values(setup.features()?, labels)?,
    })
}

/// Training with one call of [`Engine::train`] for all steps of a turn. The call returns the losses, so the device has
/// finished when it returns.
pub struct Training<M: Maker, N: Network> {
    maker: M,
    weights: Weights<N>,
    net: M::Engine<N>,
    data: Data<M, N>,
    samples: u32,
    batch: usize,
    /// The sample indices of all steps since `reset`: all samples in order, repeated.
    order: Vec<u32>,
    losses: Vec<f32>,
}

impl<M: Maker, N: Network> Training<M, N> {
    pub fn new<const O: usize>(maker: M, setup: &Setup) -> Result<Self>
    where
        N: Network<Output = Features<O>>,
    {
        let weights = weights(setup)?;
        let data = dataset::<N::In, O>(setup)?;
        let samples = data.len() as u32;
        let net = maker.make(weights.clone())?;
        let data = net.upload(&data)?;
        Ok(Training {
            maker,
            weights,
            net,
            data,
            samples,
            batch: setup.batch,
            order: Vec::new(),
            losses: Vec::new(),
        })
    }
}

impl<M: Maker, N: Network> Served for Training<M, N> {
    fn reset(&mut self) -> Result<()> {
        self.net = self.maker.make(self.weights.clone())?;
        self.losses.clear();
        Ok(())
    }

    fn prepare(&mut self, steps: usize) {
        while self.order.len() < (self.losses.len() + steps) * self.batch {
            self.order.extend(0..self.samples);
        }
    }

    fn run(&mut self, steps: usize) -> Result<()> {
        let first = self.losses.len();
        let run = Run {
            order: &self.order[first * self.batch..(first + steps) * self.batch],
            batch_size: self.batch,
            optimizer: &Optimizer::from(Adam::default()),
            schedule: Schedule::CONSTANT,
            total_steps: 0,
            loss: Loss::CrossEntropy,
            seed: 0,
            first_step: first as u64,
            clip_norm: None,
        };
        Ok(self.net.train(&self.data, &run, &mut self.losses)?)
    }

    fn values(&mut self, count: usize) -> Result<Vec<f32>> {
        Ok(self.losses[..count].to_vec())
    }
}
