//! [`Model`]: a network on a GPU, and its runs.
//!
//! It is not generic over the network, so that the compiler makes it once for all of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cudarc::driver::{CudaSlice, PushKernelArg};

use super::{
    arguments::{
        Address, Batch, Data, Loss as LossSettings, NULL, Parameters, RunArguments, Step,
        StepArguments,
    },
    buffers::Memory,
    data::Uploaded,
    device::Device,
    graph::{self, Captured},
    kernels::Kernels,
    precision::Precision,
    program::Program,
    source::source,
};
use crate::{
    engine::{Run, rule::Rule},
    error::{Error, Result},
    objective::{Loss, OptimizerKind, Schedule, Sgd},
    plan::Plan,
};

/// The batch size of inference.
const INFERENCE_BATCH: usize = 1024;

pub(super) struct Model {
    pub(super) device: Device,
    pub(super) program: Program,
    pub(super) kernels: Kernels,
    pub(super) parameters: CudaSlice<f32>,
    moments: [CudaSlice<f32>; 2],
    /// Of the plan's statistics, those of `Standardize`.
    pub(super) statistics: CudaSlice<f32>,
    pub(super) optimizer: Option<OptimizerSteps>,
    memory: Mutex<Memory>,
}

/// How many steps an optimiser has taken, and how many moments it keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct OptimizerSteps {
    pub(super) kind: OptimizerKind,
    pub(super) steps: u64,
    pub(super) moments: usize,
}

impl Model {
    pub(super) fn new(
        (ordinal, precision): (usize, Precision),
        plan: &Plan,
        features: usize,
        (weights, statistics): (&[f32], &[f32]),
    ) -> Result<Model> {
        let program = Program::new(plan, features)?;
        let device = Device::new(ordinal, precision, &source(&program, precision))?;
        let kernels = Kernels::new(&device, &program)?;
        let parameters = device.copy(weights)?;
        let zeros = || device.zeros(weights.len());
        let moments = [zeros()?, zeros()?];
        let statistics = match statistics {
            [] => device.zeros(1)?,
            statistics => device.copy(statistics)?,
        };
        Ok(Model {
            device,
            program,
            kernels,
            parameters,
            moments,
            statistics,
            optimizer: None,
            memory: Mutex::default(),
        })
    }

    /// The logits of samples, which `data` has in this order, or one after another.
    pub(super) fn logits(
        &self,
        data: Data,
        order: Option<&[u32]>,
        samples: usize,
    ) -> Result<Vec<f32>> {
        let size = INFERENCE_BATCH.min(samples);
        self.check_batch(size)?;
        let mut memory = self.memory();
        let memory = &mut *memory;
        let arguments = StepArguments {
            stages: memory.stages(&self.device, &self.program, (size, false))?,
            run: RunArguments {
                data,
                order: match order {
                    Some(order) => memory.order.with(&self.device, order)?,
                    None => NULL,
                },
                statistics: self.device.address(&self.statistics),
                parameters: self.parameters(NULL),
                size: size as i32,
                ..RunArguments::default()
            },
            seed: 0,
            clip: None,
        };
        let mut logits = Vec::with_capacity(samples * self.program.outputs());
        for (index, first) in (0..samples).step_by(size.max(1)).enumerate() {
            let len = size.min(samples - first);
            self.forward(&arguments, batch(index, len))?;
            if let Some(last) = memory.stages.last() {
                logits.extend(
                    last.values
                        .read(&self.device, len * self.program.outputs())?,
                );
            }
        }
        Ok(logits)
    }

    /// The logits of samples on the host.
    pub(super) fn logits_of(&self, features: &[f32], samples: usize) -> Result<Vec<f32>> {
        if samples == 0 {
            return Ok(Vec::new());
        }
        let features = self.device.copy(features)?;
        let data = Data {
            values: self.device.address(&features),
            ..Data::default()
        };
        self.logits(data, None, samples)
    }

    /// The mean loss of a batch, and the gradient of all parameters; without dropout.
    pub(super) fn gradient(
        &self,
        data: &Uploaded,
        order: &[u32],
        loss: &Loss,
    ) -> Result<(f32, Vec<f32>)> {
        let run = Run {
            order,
            batch_size: order.len().max(1),
            optimizer: &Sgd::default().into(),
            schedule: Schedule::CONSTANT,
            total_steps: 1,
            loss: loss.clone(),
            seed: 0,
            first_step: 0,
            clip_norm: None,
        };
        let mut memory = self.memory();
        let losses = self.run(&mut memory, data, &run, None)?;
        let gradient = memory
            .gradient
            .read(&self.device, self.program.parameters)?;
        Ok((losses.first().copied().unwrap_or(f32::NAN), gradient))
    }

    /// The losses of the batches of a run.
    pub(super) fn train(&mut self, data: &Uploaded, run: &Run<'_>) -> Result<Vec<f32>> {
        let kind = run.optimizer.kind();
        let state = match self.optimizer {
            Some(state) if state.kind == kind => state,
            _ => {
                // another optimiser starts from zero
                let zeros = || self.device.zeros(self.program.parameters);
                self.moments = [zeros()?, zeros()?];
                OptimizerSteps {
                    kind,
                    steps: 0,
                    moments: 0,
                }
            }
        };
        let losses = self.run(&mut self.memory(), data, run, Some(state.steps))?;
        let moments = Rule::new(run.optimizer, 0.0, 1).moments();
        self.optimizer = Some(OptimizerSteps {
            steps: state.steps + losses.len() as u64,
            moments: state.moments.max(moments),
            ..state
        });
        Ok(losses)
    }

    /// Takes the steps of a run after `steps` others of the optimiser, or stores the gradient of its only batch.
    fn run(
        &self,
        memory: &mut Memory,
        data: &Uploaded,
        run: &Run<'_>,
        steps: Option<u64>,
    ) -> Result<Vec<f32>> {
        if run.order.is_empty() {
            return Ok(Vec::new());
        }
        let arguments = self.prepare(memory, data, run, steps)?;
        let whole = run.order.len() / run.batch_size;
        let in_graphs = match steps {
            Some(_) if whole > 1 => whole,
            _ => 0,
        };
        if in_graphs > 0 {
            memory.graphs.retain(|kept| kept.arguments == arguments);
        }
        for first in (0..in_graphs).step_by(graph::STEPS) {
            let steps = graph::STEPS.min(in_graphs - first);
            let graph = self.graph(&mut memory.graphs, &arguments, steps)?;
            graph.launch(&self.device)?;
        }
        let others = run.order.chunks(run.batch_size).skip(in_graphs);
        for (index, samples) in others.enumerate() {
            self.step(&arguments, batch(index, samples.len()))?;
        }
        self.means(memory, &arguments.run, run)
    }

    /// Writes what the kernels read of a run.
    fn prepare(
        &self,
        memory: &mut Memory,
        data: &Uploaded,
        run: &Run<'_>,
        steps: Option<u64>,
    ) -> Result<StepArguments> {
        let (device, parameters) = (&self.device, self.program.parameters);
        let size = run.batch_size.min(run.order.len());
        self.check_batch(size)?;
        let class_weights = match &run.loss {
            Loss::WeightedCrossEntropy { weights, .. } => {
                memory.class_weights.with(device, weights)?
            }
            _ => NULL,
        };
        let stores_gradient = steps.is_none() || run.clip_norm.is_some();
        let gradient = match stores_gradient {
            true => memory.gradient.of(device, parameters)?,
            false => NULL,
        };
        let masks = match steps.is_some() && self.program.mask_width() > 0 {
            true => memory.masks.of(device, size * self.program.mask_width())?,
            false => NULL,
        };
        let clip = run
            .clip_norm
            .map(|norm| Ok((norm, memory.factor.of(device, 1)?)));
        Ok(StepArguments {
            stages: memory.stages(device, &self.program, (size, true))?,
            run: RunArguments {
                data: data.arguments,
                order: memory.order.with(device, run.order)?,
                first: memory.first.with(device, &[0])?,
                steps: memory.steps.with(device, &steps_of(data, run, steps))?,
                statistics: device.address(&self.statistics),
                masks,
                parameters: self.parameters(gradient),
                loss: LossSettings::new(&run.loss, class_weights)?,
                losses: memory.losses.of(device, run.order.len())?,
                size: size as i32,
            },
            seed: run.seed,
            clip: clip.transpose()?,
        })
    }

    /// The next steps of a run with these arguments, captured now or, as all that are kept, before.
    fn graph<'g>(
        &self,
        kept: &'g mut Vec<Captured>,
        arguments: &StepArguments,
        steps: usize,
    ) -> Result<&'g Captured> {
        let at = match kept.iter().position(|kept| kept.steps == steps) {
            Some(at) => at,
            None => {
                let launch = || {
                    for index in 0..steps {
                        self.step(arguments, batch(index, arguments.run.size as usize))?;
                    }
                    let further = steps as u32;
                    self.device.launch(&self.kernels.advance, (1, 1), |launch| {
                        launch.arg(&arguments.run.first).arg(&further);
                    })
                };
                kept.push(Captured::new(&self.device, arguments, steps, launch)?);
                kept.len() - 1
            }
        };
        Ok(&kept[at])
    }

    /// The losses of a run's batches.
    fn means(
        &self,
        memory: &mut Memory,
        arguments: &RunArguments,
        run: &Run<'_>,
    ) -> Result<Vec<f32>> {
        let samples = run.order.len() as i32;
        let batches = run.order.len().div_ceil(run.batch_size);
        let means = memory.means.of(&self.device, batches)?;
        self.device
            .launch(&self.kernels.mean_losses, (batches, 1), |launch| {
                launch.arg(arguments).arg(&samples).arg(&means);
            })?;
        memory.means.read(&self.device, batches)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // what a panic has left is written before it is read
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn parameters(&self, gradients: Address) -> Parameters {
        Parameters {
            weights: self.device.address(&self.parameters),
            moments: self
                .moments
                .each_ref()
                .map(|moment| self.device.address(moment)),
            gradients,
        }
    }

    /// # Errors
    /// [`Error::Setting`] for a batch of more values than kernels can count.
    fn check_batch(&self, batch: usize) -> Result<()> {
        let widest = self.program.widest();
        match batch.saturating_mul(widest) > i32::MAX as usize {
            true => Err(Error::Setting {
                setting: "batch size",
                expected: format!("at most {}, for 2^31 values", i32::MAX as usize / widest),
                found: batch.to_string(),
            }),
            false => Ok(()),
        }
    }

    pub(super) fn weights(&self) -> Result<Vec<f32>> {
        self.device.read(&self.parameters)
    }

    /// The moments that the optimiser keeps.
    pub(super) fn moments(&self, count: usize) -> Result<Vec<Vec<f32>>> {
        self.moments
            .iter()
            .take(count)
            .map(|moment| self.device.read(moment))
            .collect()
    }

    pub(super) fn restore(
        &mut self,
        weights: &[f32],
        statistics: &[f32],
        state: Option<(OptimizerKind, u64, Vec<&[f32]>)>,
    ) -> Result<()> {
        self.parameters = self.device.copy(weights)?;
        if !statistics.is_empty() {
            self.statistics = self.device.copy(statistics)?;
        }
        let zeros = || self.device.zeros(weights.len());
        self.moments = [zeros()?, zeros()?];
        self.optimizer = None;
        if let Some((kind, steps, moments)) = state {
            for (own, moment) in self.moments.iter_mut().zip(&moments) {
                *own = self.device.copy(moment)?;
            }
            self.optimizer = Some(OptimizerSteps {
                kind,
                steps,
                moments: moments.len(),
            });
        }
        Ok(())
    }
}

/// What differs between the steps of a run, after `steps` others of the optimiser.
fn steps_of(data: &Uploaded, run: &Run<'_>, steps: Option<u64>) -> Vec<Step> {
    let samples = &data.samples;
    let weights = samples.weights.as_deref();
    let batches = run.order.chunks(run.batch_size).enumerate();
    batches
        .map(|(index, batch)| {
            let rule = steps.map_or(Rule::Store, |steps| {
                let number = steps + index as u64 + 1;
                Rule::new(run.optimizer, run.learning_rate(index), number)
            });
            Step {
                update: rule.into(),
                divisor: run.loss.divisor(&samples.targets, weights, batch) as f32,
                number: run.first_step + index as u64,
            }
        })
        .collect()
}

fn batch(index: usize, len: usize) -> Batch {
    Batch {
        index: index as u32,
        len: len as i32,
    }
}
