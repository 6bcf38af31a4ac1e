//! [`Fused`]: the fast CPU engine.
//!
//! No tape, no allocation in a step, and as few passes over memory as possible. In the order of data flow:
//!
//! 1. [`program`] lowers the network's plan to layers, each a convolution, a pooling, a `Linear`, a batch normalisation or a
//!    sum, fused with the operations that follow it. Each names the values that it reads, and what it contributes to their
//!    gradients.
//! 2. [`memory`] has the packed layout of every matrix (columns in blocks of 16), the layout of images (samples in
//!    blocks of 16), buffers that several threads write at once, and the conversion between the packed layout and the
//!    plan's.
//! 3. [`kernels`] are the loops that compute, each written once and compiled for every SIMD level: dense and
//!    sparse products with fused epilogues, convolutions, pooling, activations, loss, optimisers.
//! 4. [`threads`] has the thread pool and its barriers, the partition of each phase among the workers, and the
//!    choice between the pool and a single thread.
//! 5. [`run`] puts them together: uploaded data sets, activations, a training step phase by phase, inference,
//!    and the job that the pool's workers execute.
//!
//! [`Fused`] itself (here and in `engine.rs`) only hands jobs to the pool.
//!
//! Dims: `B` = batch size, `I` = inputs, `O` = outputs, `F` = features, `C` = classes.

#![allow(
    unsafe_code,
    reason = "threads write disjoint parts of shared buffers, each block with its proof"
)]

mod engine;
mod kernels;
mod memory;
mod processor;
mod program;
mod run;
mod threads;
mod training_memory;

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
};

pub use self::{
    kernels::Simd,
    processor::Processor,
    run::bitmap::Uploaded,
    training_memory::{TrainingMemory, TrainingSize},
};
use self::{
    memory::{
        packed,
        raw_slice::{RawSlice, RawSliceMut},
    },
    program::Program,
    run::{
        context::{Context, Job},
        inference::{self, Source},
        model::Model,
        training,
    },
    threads::{
        autotune::{Autotuner, Parallelism},
        pool::{ThreadPool, Worker},
    },
};
use crate::{
    engine::run::{check_batches, check_order},
    error::{Error, Result},
    network::Network,
    objective::Loss,
    shape::Shape,
    weights::{Weights, WeightsOf},
};

/// Below this number of multiply-adds, a step or a run of inference executes on the caller's thread alone: about 10
/// microseconds, in which the workers of a pool would mostly wait.
///
/// Under Miri, which detects data races, every step runs on the pool.
const SERIAL_BELOW: usize = if cfg!(miri) { 1 } else { 1 << 19 };

/// The fast CPU engine: small networks train several times faster than in a tensor framework.
///
/// It runs every network, with any number of threads; the same seed gives bitwise identical results for any number. Each
/// `Linear`'s weights stay in the cache of one thread; bias, activation, loss and optimiser are fused into the matrix
/// products; zero features are skipped where there are many and the weights are finite. Images are computed 16 samples at a
/// time, by one thread each; so a batch of images occupies at most a sixteenth as many threads as it has samples.
///
/// ```
/// use tuplenet::prelude::*;
///
/// type Net = (Linear<2, 3>, Tanh, Linear<3, 2>);
/// let net = Fused::<Net>::new(Weights::init(1))?;
/// let logits: [f32; 2] = net.predict(&[0.5, -1.0])?;
/// # Ok::<(), tuplenet::Error>(())
/// ```
pub struct Fused<N: Network> {
    processor: Processor,
    context: Arc<Context>,
    /// None for one thread. Locked while a job runs.
    pool: Mutex<Option<ThreadPool<Context>>>,
    autotuner: Autotuner,
    network: PhantomData<fn() -> N>,
}

impl<N: Network> Fused<N> {
    /// The network with these weights, on every core up to [`Processor::MAX_THREADS`].
    ///
    /// # Errors
    /// [`Error::Device`] when the system cannot create a thread.
    pub fn new<W: WeightsOf<N>>(weights: W) -> Result<Self> {
        Self::on(Processor::detect(), weights)
    }

    /// The network with these weights, with the given threads and SIMD instructions.
    ///
    /// # Errors
    /// [`Error::Setting`] for 0 threads, or for SIMD instructions that the processor lacks; [`Error::Device`] when the
    /// system cannot create a thread.
    pub fn on<W: WeightsOf<N>>(processor: Processor, weights: W) -> Result<Self> {
        processor.check()?;
        let weights = weights.into_weights();
        let program = Program::new(&N::PLAN, N::In::LEN);
        let packed = packed::weights(&program, weights.as_slice());
        let model = Model::new(program, processor.simd, packed, &weights.running);
        let context = Arc::new(Context::new(model, processor.threads));
        let pool = match processor.threads {
            1 => None,
            threads => {
                let pool = ThreadPool::new(threads, Arc::clone(&context), Context::work);
                Some(pool.map_err(|error| failed(processor, error.to_string()))?)
            }
        };
        Ok(Fused {
            processor,
            context,
            pool: Mutex::new(pool),
            autotuner: Autotuner::new(),
            network: PhantomData,
        })
    }

    /// The mean loss of the batch `order` and its gradient with respect to every parameter, in the layout of the
    /// parameters; dropout is off, and batch normalisation uses the statistics of the batch.
    ///
    /// # Errors
    /// As [`Engine::train`](crate::engine::Engine::train).
    pub fn gradient(
        &self,
        data: &Uploaded,
        order: &[u32],
        loss: Loss,
    ) -> Result<(f32, Weights<N>)> {
        data.check::<N>()?;
        loss.check(&data.samples.targets, N::Output::LEN)?;
        check_order(order, data.samples.len)?;
        check_batches(&N::PLAN, order.len(), order.len().max(1))?;
        let mut value = [0.0];
        let mut gradient = Weights::zeros();
        if order.is_empty() {
            return Ok((0.0, gradient));
        }
        self.settle()?;
        let job = training::Job {
            data: self.readable(data),
            order: RawSlice::new(order),
            batch_size: order.len(),
            loss,
            losses: RawSliceMut::new(&mut value),
            kind: training::Kind::Gradient,
        };
        self.run(Job::Train(job), self.parallelism_for(order.len()))?;
        self.context.gradients(|gradients| {
            let flat = gradient.as_mut_slice();
            packed::unpack(&self.context.model.program, gradients, flat);
        });
        Ok((value[0], gradient))
    }

    /// The data set, without its bitmap where the weights do not allow skipping zeros.
    fn readable(&self, data: &Uploaded) -> Uploaded {
        match self.context.model.skips_zeros() {
            true => data.clone(),
            false => data.without_bitmap(),
        }
    }

    /// Whether the forward pass of that many samples is worth using the pool.
    fn parallelism_for(&self, samples: usize) -> Parallelism {
        match samples * self.context.model.program.macs() {
            ..SERIAL_BELOW => Parallelism::Serial,
            _ => Parallelism::Pool,
        }
    }

    /// Runs a job. Its slices stay borrowed until this returns.
    fn run(&self, job: Job, parallelism: Parallelism) -> Result<()> {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        self.run_on(&mut pool, job, parallelism)
    }

    /// Takes the steps of the optimiser that are still [pending](run::pending), so that weights and moments are up to date:
    /// before anything but a training run reads them.
    fn settle(&self) -> Result<()> {
        if self.context.is_settled() {
            return Ok(());
        }
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        // another thread may have done so
        if !self.context.is_settled() {
            self.run_on(&mut pool, Job::Settle, Parallelism::Pool)?;
            self.context.set_settled();
        }
        Ok(())
    }

    fn run_on(
        &self,
        pool: &mut Option<ThreadPool<Context>>,
        job: Job,
        parallelism: Parallelism,
    ) -> Result<()> {
        self.context.prepare(job);
        let done = match pool {
            Some(pool) if parallelism == Parallelism::Pool => pool.run(),
            // A single thread waits at no barrier, so no barrier can break.
            _ => self
                .context
                .work(&Worker::SERIAL)
                .map_err(|_| String::new()),
        };
        self.context.finish();
        done.map_err(|words| failed(self.processor, words))
    }

    fn infer(&self, source: Source, samples: usize) -> Result<Vec<f32>> {
        self.settle()?;
        let mut logits = vec![0.0; samples * N::Output::LEN];
        let job = inference::Job {
            source,
            logits: RawSliceMut::new(&mut logits),
        };
        self.run(Job::Infer(job), self.parallelism_for(samples))?;
        Ok(logits)
    }
}

fn failed(processor: Processor, message: String) -> Error {
    Error::Device {
        engine: "fused",
        device: processor.to_string(),
        message,
    }
}

impl<N: Network> fmt::Debug for Fused<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Fused<{}>({})",
            std::any::type_name::<N>(),
            self.processor
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{DataFor, Dataset},
        engine::{Engine, Run},
        layers::{Linear, Tanh},
        objective::{Schedule, Sgd},
        shape::Features,
        target::Classes,
    };

    type Net = (Linear<784, 32>, Tanh, Linear<32, 10>);

    fn data() -> Dataset<Features<784>, Classes<10>> {
        Dataset::from_bytes(vec![0; 7 * 784], 1.0, vec![0; 7]).unwrap()
    }

    /// 20 samples are 508,160 multiply-adds, less than 2^19.
    #[test]
    #[cfg_attr(miri, ignore = "there, everything runs on the pool")]
    fn the_pool_runs_what_takes_long_enough() {
        let net = Fused::<Net>::new(Weights::zeros()).unwrap();
        assert_eq!(net.parallelism_for(20), Parallelism::Serial);
        assert_eq!(net.parallelism_for(21), Parallelism::Pool);
    }

    /// A step is three passes. Only for a step that is worth the pool, pool and single thread are measured.
    #[test]
    #[cfg_attr(miri, ignore = "there, everything runs on the pool")]
    fn steps_worth_the_pool_are_measured() {
        for (batch_size, is_measured) in [(6, false), (7, true)] {
            let mut net = Fused::<Net>::new(Weights::zeros()).unwrap();
            let data = net.upload(&data()).unwrap();
            let run = Run {
                order: &[0, 1, 2, 3, 4, 5, 6][..batch_size],
                batch_size,
                optimizer: &Sgd::default().into(),
                schedule: Schedule::CONSTANT,
                total_steps: 0,
                loss: Loss::CrossEntropy,
                seed: 0,
                first_step: 0,
                clip_norm: None,
            };
            net.train(&data, &run, &mut Vec::new()).unwrap();
            let printed = format!("{:?}", net.autotuner);
            assert_eq!(!printed.contains("last: None"), is_measured, "{printed}");
        }
    }

    #[test]
    fn an_engine_does_not_keep_the_data_of_a_finished_job() {
        let net = Fused::<Net>::new(Weights::zeros()).unwrap();
        let data = data();
        let uploaded = net.upload(&data).unwrap();
        net.logits(&uploaded, &[0]).unwrap();
        drop(uploaded);
        assert_eq!(Arc::strong_count(DataFor::samples(&data)), 1);
    }
}
