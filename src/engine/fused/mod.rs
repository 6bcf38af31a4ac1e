//! [`Fused`]: the plan on the CPU with no tape, no allocation in a step, and in one pass all that can be.
//!
//! ```text
//! program (the plan, each Linear with what follows) ─► training, inference ─► kernels ─► matrix
//!                                  data: bitmap, input ┘        └ team, share: which thread does what
//! ```
//!
//! Dims: `B` = batch size, `I` = inputs, `O` = outputs, `F` = features, `C` = classes.

#![allow(
    unsafe_code,
    reason = "threads write parts of shared buffers, each block with its proof"
)]

mod activations;
mod bitmap;
mod clip;
mod forward;
mod inference;
mod input;
mod kernels;
mod lent;
mod live;
mod matrix;
mod pace;
mod processor;
mod program;
mod share;
mod shared;
mod state;
mod team;
mod training;

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

pub use self::{bitmap::Uploaded, kernels::Simd, processor::Processor};
use self::{
    inference::Source,
    lent::{Lent, LentMut},
    live::Live,
    matrix::{BLOCK, Matrix, Part},
    pace::{Pace, Who},
    program::Program,
    state::{Context, Job, Memory},
    team::{Member, Team},
};
use super::{Engine, OptimizerState, Run, check_order, whole_samples};
use crate::{
    Network, Weights,
    data::DataFor,
    error::{Error, Result},
    frozen::{self, fits_the_stack},
    plan::Step,
    shape::{Sample, Shape},
    train::Loss,
    weights::WeightsOf,
};

/// Multiplications and additions below which a step, or a run of inference, is done by the caller's thread
/// alone: some 10 microseconds, in which a team would mostly wait.
const ALONE_BELOW: usize = 1 << 19;

/// The engine made for speed, on the CPU: small networks train several times faster than in a
/// framework of tensors.
///
/// It runs every plan, with any number of threads; same seed, same bits, whatever their number. Each
/// layer's weights stay in the cache of one thread; bias, activation, loss and optimiser are part of
/// the products; features that are 0 are not multiplied where they are many.
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
    /// None for one thread. Locked while it works.
    team: Mutex<Option<Team<Context>>>,
    pace: Pace,
    network: PhantomData<fn() -> N>,
}

/// What never changes while an engine lives, but for the weights' values.
struct Core {
    program: Program,
    simd: Simd,
    /// For each layer, `[I + 1, O]`, the bias last.
    ///
    /// They are written by a training run alone, which holds the engine by `&mut`; so whoever holds
    /// it by `&` may read them.
    weights: Vec<Matrix>,
}

impl<N: Network> Fused<N> {
    /// The network with these weights, on every core up to [`Processor::MOST_THREADS`].
    ///
    /// # Errors
    /// [`Error::Device`] when the system gives no thread.
    pub fn new<W: WeightsOf<N>>(weights: W) -> Result<Self> {
        Self::on(Processor::detect(), weights)
    }

    /// The network with these weights, on threads and SIMD instructions of your choice.
    ///
    /// # Errors
    /// [`Error::Setting`] for no threads, or for SIMD instructions that the processor lacks;
    /// [`Error::Device`] when the system gives no thread.
    pub fn on<W: WeightsOf<N>>(processor: Processor, weights: W) -> Result<Self> {
        processor.check()?;
        let weights = weights.into_weights();
        let program = Program::new(&N::PLAN, N::In::LEN);
        let core = Core {
            weights: blocked(&program, weights.as_slice()),
            program,
            simd: processor.simd,
        };
        let context = Arc::new(Context::new(core, processor.threads));
        let team = match processor.threads {
            1 => None,
            threads => {
                let team = Team::new(threads, Arc::clone(&context), Context::work);
                Some(team.map_err(|error| failed(processor, error.to_string()))?)
            }
        };
        Ok(Fused {
            processor,
            context,
            team: Mutex::new(team),
            pace: Pace::new(),
            network: PhantomData,
        })
    }

    /// The mean loss of the batch `order` and its gradient with respect to every parameter, laid
    /// out as the parameters are; dropout is off.
    ///
    /// # Errors
    /// As [`Engine::train`].
    pub fn gradient(
        &self,
        data: &Uploaded,
        order: &[u32],
        loss: Loss,
    ) -> Result<(f32, Weights<N>)> {
        data.check::<N>()?;
        loss.check(data.has_labels())?;
        check_order(order, data.samples.len)?;
        let mut value = [0.0];
        let mut gradient = Weights::zeros();
        if order.is_empty() {
            return Ok((0.0, gradient));
        }
        let job = training::Job {
            data: data.clone(),
            order: Lent::new(order),
            batch_size: order.len(),
            loss,
            losses: LentMut::new(&mut value),
            kind: training::Kind::Gradient,
        };
        self.run(Job::Train(job), self.worth_a_team(order.len()))?;
        self.context.gradients(|gradients| {
            let flat = gradient.as_mut_slice();
            from_blocked(&self.context.core.program, gradients, flat);
        });
        Ok((value[0], gradient))
    }

    /// Who is to compute so many samples forward.
    fn worth_a_team(&self, samples: usize) -> Who {
        match samples * self.context.core.program.macs() {
            ..ALONE_BELOW => Who::Alone,
            _ => Who::Team,
        }
    }

    /// Does a job. The slices that it was lent are borrowed until this returns.
    fn run(&self, job: Job, who: Who) -> Result<()> {
        let mut team = self.team.lock().unwrap_or_else(PoisonError::into_inner);
        self.context.prepare(job);
        let done = match &mut *team {
            Some(team) if who == Who::Team => team.run(),
            // A team of one meets nobody, so nothing breaks it up.
            _ => self.context.work(&Member::ALONE).map_err(|_| String::new()),
        };
        self.context.finish();
        done.map_err(|words| failed(self.processor, words))
    }

    fn infer(&self, source: Source, samples: usize) -> Result<Vec<f32>> {
        let mut logits = vec![0.0; samples * N::Output::LEN];
        let job = inference::Job {
            source,
            logits: LentMut::new(&mut logits),
        };
        self.run(Job::Infer(job), self.worth_a_team(samples))?;
        Ok(logits)
    }
}

impl<N: Network> Engine<N> for Fused<N> {
    type Data = Uploaded;

    fn name(&self) -> &'static str {
        "fused"
    }

    fn device(&self) -> String {
        self.processor.to_string()
    }

    fn upload(&self, data: &impl DataFor<N::In, N::Output>) -> Result<Uploaded> {
        let core = &self.context.core;
        let sparse = !core.program.layers.is_empty() && core.program.before.is_empty();
        let widths = [N::In::LEN, N::Output::LEN];
        Ok(Uploaded::new(data.samples(), widths, sparse, core.simd))
    }

    fn train(&mut self, data: &Uploaded, run: &Run<'_>, losses: &mut Vec<f32>) -> Result<()> {
        data.check::<N>()?;
        run.check(data.samples.len, data.has_labels())?;
        let steps = run.order.len().div_ceil(run.batch_size);
        let before = losses.len();
        losses.resize(before + steps, 0.0);
        if steps == 0 {
            return Ok(());
        }
        let (mut order, mut losses) = (run.order, &mut losses[before..]);
        let batch = run.batch_size.min(order.len());
        let worth = self.worth_a_team(3 * batch);
        let mut first_step = run.first_step;
        while !order.is_empty() {
            let (who, most) = match worth {
                Who::Team => self.pace.next(batch),
                Who::Alone => (Who::Alone, steps),
            };
            let samples = most.saturating_mul(run.batch_size).min(order.len());
            let (now, losses_now);
            (now, order) = order.split_at(samples);
            (losses_now, losses) = losses.split_at_mut(samples.div_ceil(run.batch_size));
            let steps = losses_now.len();
            let begun = Instant::now();
            self.run(training_job(data, run, now, losses_now, first_step), who)?;
            if worth == Who::Team {
                self.pace.took(steps, begun.elapsed());
            }
            first_step += steps as u64;
        }
        Ok(())
    }

    fn logits(&self, data: &Uploaded, order: &[u32]) -> Result<Vec<f32>> {
        data.check::<N>()?;
        check_order(order, data.samples.len)?;
        self.infer(
            Source::Numbered(data.clone(), Lent::new(order)),
            order.len(),
        )
    }

    fn forward(&self, features: &[f32]) -> Result<Vec<f32>> {
        let samples = whole_samples(features, N::In::LEN)?;
        self.infer(Source::Features(Lent::new(features)), samples)
    }

    fn weights(&self) -> Result<Weights<N>> {
        let core = &self.context.core;
        let mut weights = Weights::zeros();
        from_blocked(&core.program, &core.weights, weights.as_mut_slice());
        Ok(weights)
    }

    fn optimizer_state(&self) -> Result<Option<OptimizerState<N>>> {
        let program = &self.context.core.program;
        let state = self.context.memory(|memory| {
            let kept = memory.moments.iter().filter(|moment| !moment.is_empty());
            let moments = kept.map(|moment| {
                let mut weights = Weights::zeros();
                from_blocked(program, moment, weights.as_mut_slice());
                weights
            });
            OptimizerState {
                kind: memory.kind,
                steps: memory.steps,
                moments: moments.collect(),
            }
        });
        Ok(state)
    }

    fn restore(&mut self, weights: &Weights<N>, state: Option<&OptimizerState<N>>) -> Result<()> {
        state.map_or(Ok(()), OptimizerState::check)?;
        let core = &self.context.core;
        for (layer, matrix) in core.program.layers.iter().zip(&core.weights) {
            // SAFETY: the engine is held by `&mut`, so nobody else reads or writes its weights.
            let part = unsafe { matrix.part(0..matrix.blocks(), 0..layer.linear.inputs + 1) };
            to_blocked(&layer.linear, weights.as_slice(), part);
        }
        let memory = state.map(|state| {
            let moments = state.moments.iter().map(Weights::as_slice);
            let mut moments = moments.map(|moment| blocked(&core.program, moment));
            let moments = [moments.next(), moments.next()].map(Option::unwrap_or_default);
            Memory::new(&core.program, state.kind, state.steps, moments)
        });
        self.context.set_memory(memory);
        Ok(())
    }

    fn predict(&self, sample: &impl Sample<N::In>) -> Result<<N::Output as Shape>::Array> {
        let mut logits = N::Output::zeros();
        let core = &self.context.core;
        if const { fits_the_stack(&N::PLAN) } {
            // SAFETY: weights are written by a training run alone, which holds the engine by `&mut`; they
            // are those of `N`, whose type has fixed both lengths.
            unsafe {
                let values = Live::new(core);
                let level = core.simd.level();
                frozen::forward::<N, _>(&values, level, sample.values(), logits.as_mut());
            }
        } else {
            logits
                .as_mut()
                .copy_from_slice(&self.forward(sample.values())?);
        }
        Ok(logits)
    }
}

/// The part of `run` that is about the samples `order`, from step `first_step` on.
fn training_job(
    data: &Uploaded,
    run: &Run<'_>,
    order: &[u32],
    losses: &mut [f32],
    first_step: u64,
) -> Job {
    Job::Train(training::Job {
        data: data.clone(),
        order: Lent::new(order),
        batch_size: run.batch_size,
        loss: run.loss,
        losses: LentMut::new(losses),
        kind: training::Kind::Train {
            optimizer: *run.optimizer,
            schedule: run.schedule,
            total_steps: run.total_steps,
            seed: run.seed,
            first_step,
            clip_norm: run.clip_norm,
            steps_done: 0,
        },
    })
}

/// Weights, or moments, in the engine's layout, `[I + 1, O]` for each layer.
fn blocked(program: &Program, flat: &[f32]) -> Vec<Matrix> {
    let layers = program.layers.iter().map(|layer| {
        let mut matrix = Matrix::zeros(layer.linear.inputs + 1, layer.linear.outputs);
        to_blocked(&layer.linear, flat, matrix.whole());
        matrix
    });
    layers.collect()
}

/// One layer's weights, or moments, from the plan's layout into the engine's.
fn to_blocked(linear: &Step, flat: &[f32], mut to: Part<'_>) {
    let (inputs, outputs) = (linear.inputs, linear.outputs);
    let (weight, bias) =
        flat[linear.offset..linear.offset + linear.params()].split_at(inputs * outputs);
    for output in 0..outputs {
        let (block, lane) = (output / BLOCK, output % BLOCK);
        for input in 0..inputs {
            to.row(block, input)[lane] = weight[output * inputs + input];
        }
        to.row(block, inputs)[lane] = bias[output];
    }
}

/// Weights, or gradients, from the engine's layout into the plan's.
fn from_blocked(program: &Program, matrices: &[Matrix], flat: &mut [f32]) {
    for (layer, matrix) in program.layers.iter().zip(matrices) {
        let step = layer.linear;
        let (inputs, outputs) = (step.inputs, step.outputs);
        // SAFETY: no training run is under way: it would hold the engine by `&mut`, or its lock.
        let from = unsafe { matrix.view() };
        let flat = &mut flat[step.offset..step.offset + step.params()];
        let (weight, bias) = flat.split_at_mut(inputs * outputs);
        for output in 0..outputs {
            let (block, lane) = (output / BLOCK, output % BLOCK);
            for input in 0..inputs {
                weight[output * inputs + input] = from.row(block, input)[lane];
            }
            bias[output] = from.row(block, inputs)[lane];
        }
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
