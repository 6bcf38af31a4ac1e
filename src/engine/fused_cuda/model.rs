//! [`Model`]: a network on a GPU, and its runs.
//!
//! It is not generic over the network, so that the compiler makes it once for all of them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cudarc::driver::{CudaSlice, PushKernelArg};

use super::{
    arguments::{Address, Data, Loss as LossSettings, NULL, Parameters},
    batch::Batch,
    buffers::{Buffers, TrainingBuffers},
    data::{Uploaded, address},
    device::Device,
    kernels::Kernels,
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

/// Buffers that are kept from run to run.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) forward: Option<Buffers>,
    pub(super) training: Option<TrainingBuffers>,
    /// The gradient of all parameters, where it is not applied at once.
    gradient: Option<CudaSlice<f32>>,
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
        ordinal: usize,
        plan: &Plan,
        features: usize,
        (weights, statistics): (&[f32], &[f32]),
    ) -> Result<Model> {
        let program = Program::new(plan, features)?;
        let device = Device::new(ordinal, &source(&program))?;
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
        let order = order.map(|order| self.device.copy(order)).transpose()?;
        let mut logits = Vec::with_capacity(samples * self.program.outputs());
        let mut memory = self.memory();
        for first in (0..samples).step_by(INFERENCE_BATCH) {
            let len = INFERENCE_BATCH.min(samples - first);
            let buffers = self.buffers_for(&mut memory.forward, len)?;
            let mut data = data;
            let order = match &order {
                Some(order) => self.address(order) + 4 * first as u64,
                None => {
                    data.values += 4 * (first * self.program.features) as u64;
                    NULL
                }
            };
            self.forward(buffers, (data, order, len), None)?;
            let last = &buffers.values[buffers.values.len() - 1];
            let values = self.device.read(last)?;
            logits.extend(&values[..len * self.program.outputs()]);
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
            values: self.address(&features),
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
        let gradient = memory.gradient.as_ref();
        let gradient = gradient.map_or(Ok(Vec::new()), |gradient| self.device.read(gradient))?;
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
        let class_weights = match &run.loss {
            Loss::WeightedCrossEntropy { weights, .. } => Some(self.device.copy(weights)?),
            _ => None,
        };
        let class_weights = address(&self.device.stream, class_weights.as_ref());
        let settings = LossSettings::new(&run.loss, class_weights)?;
        let batch_size = run.batch_size.min(run.order.len());
        self.prepare(
            memory,
            batch_size,
            steps.is_none() || run.clip_norm.is_some(),
        )?;
        let order = self.device.copy(run.order)?;
        let of_samples = self.device.zeros(run.order.len())?;
        let factor = self.device.zeros(1)?;
        let samples = &data.samples;
        let weights = samples.weights.as_deref();
        let divisor = |batch: &[u32]| run.loss.divisor(&samples.targets, weights, batch) as f32;
        let divisors: Vec<f32> = run.order.chunks(run.batch_size).map(divisor).collect();
        let arguments = data.arguments(&self.device.stream);
        for (index, batch) in run.order.chunks(run.batch_size).enumerate() {
            let first = 4 * (index * run.batch_size) as u64;
            let batch = Batch {
                data: arguments,
                order: self.address(&order) + first,
                len: batch.len(),
                loss: &settings,
                divisor: divisors[index],
                losses: self.address(&of_samples) + first,
                dropout: steps.map(|_| (run.seed, run.first_step + index as u64)),
            };
            let rule = steps.map(|steps| {
                let number = steps + index as u64 + 1;
                Rule::new(run.optimizer, run.learning_rate(index), number)
            });
            match (rule, run.clip_norm) {
                (Some(rule), Some(max_norm)) => {
                    self.step(memory, &batch, Rule::Store)?;
                    self.apply_clipped(self.parameters(memory), max_norm, rule, &factor)?;
                }
                (rule, _) => self.step(memory, &batch, rule.unwrap_or(Rule::Store))?,
            }
        }
        let (len, batch) = (run.order.len() as i32, batch_size as i32);
        let losses = self.device.zeros(divisors.len())?;
        let divisors = self.device.copy(&divisors)?;
        self.device
            .launch(&self.kernels.mean_losses, (losses.len(), 1), |launch| {
                launch.arg(&of_samples).arg(&divisors).arg(&losses);
                launch.arg(&len).arg(&batch);
            })?;
        self.device.read(&losses)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // what a panic has left is written before it is read
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Buffers for a batch of this size, and for a gradient that is stored.
    fn prepare(&self, memory: &mut Memory, batch: usize, stores_gradient: bool) -> Result<()> {
        self.buffers_for(&mut memory.forward, batch)?;
        if stores_gradient && memory.gradient.is_none() {
            memory.gradient = Some(self.device.zeros(self.program.parameters)?);
        }
        let is_small = |training: &TrainingBuffers| training.batch < batch;
        if memory.training.as_ref().is_none_or(is_small) {
            memory.training = None; // before there are two
            let training = TrainingBuffers::new(&self.device, &self.program, batch)?;
            memory.training = Some(training);
        }
        Ok(())
    }

    pub(super) fn parameters(&self, memory: &Memory) -> Parameters {
        Parameters {
            weights: self.address(&self.parameters),
            moments: self.moments.each_ref().map(|moment| self.address(moment)),
            gradients: address(&self.device.stream, memory.gradient.as_ref()),
        }
    }

    /// The buffers that are kept, if they are large enough, or new ones.
    fn buffers_for<'b>(&self, kept: &'b mut Option<Buffers>, batch: usize) -> Result<&'b Buffers> {
        let widest = self.program.widest();
        if batch.saturating_mul(widest) > i32::MAX as usize {
            return Err(Error::Setting {
                setting: "batch size",
                expected: format!("at most {}, for 2^31 values", i32::MAX as usize / widest),
                found: batch.to_string(),
            });
        }
        if kept.as_ref().is_none_or(|buffers| buffers.batch < batch) {
            *kept = None;
            *kept = Some(Buffers::new(&self.device, &self.program, batch)?);
        }
        kept.as_ref()
            .ok_or_else(|| self.device.failed("no buffers"))
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

    pub(super) fn address<T: cudarc::driver::DeviceRepr>(&self, buffer: &CudaSlice<T>) -> Address {
        address(&self.device.stream, Some(buffer))
    }
}
