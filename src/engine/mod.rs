//! Engines: each runs the plan of a network's type.
//!
//! [`Fused`] is the one to use on a CPU: made for speed. [`Tape`] (feature `dfdx`) is the reference:
//! dfdx's tensors, tape and kernels, on the CPU or (feature `cuda`) on an NVIDIA GPU. Every other
//! engine is tested against it.

mod fused;
#[cfg(feature = "cuda")]
mod gpu;
mod optimizer_state;
#[cfg(feature = "dfdx")]
mod tape;

#[cfg(feature = "dfdx")]
pub use dfdx::tensor::Cpu;
#[cfg(feature = "cuda")]
pub use dfdx::tensor::Cuda;
#[cfg(feature = "dfdx")]
pub use tape::{Batches, Tape};

pub use fused::{Fused, Processor, Simd};
pub use optimizer_state::OptimizerState;

use crate::{
    Network, Weights,
    data::DataFor,
    error::{Error, Result},
    shape::{Sample, Shape},
    train::{Evaluation, Loss, Optimizer, Schedule, at_least_one, check_clip_norm},
};

/// Runs the network `N`: trains it over a run of batches, and gives its logits.
///
/// Data are uploaded once, and one call trains over many batches, so that an engine can keep the
/// data, their order and its whole loop where it computes.
pub trait Engine<N: Network> {
    /// A data set where the engine reads it.
    type Data;

    /// The engine's name, as in `dfdx`.
    fn name(&self) -> &'static str;

    /// What it runs on, as in `cpu`.
    fn device(&self) -> String;

    /// Places a data set where the engine reads it.
    ///
    /// # Errors
    /// [`Error::Device`], for example for want of memory.
    fn upload(&self, data: &impl DataFor<N::In, N::Output>) -> Result<Self::Data>;

    /// Takes one step of the optimiser for each batch of `run`, and appends each batch's mean loss
    /// to `losses`.
    ///
    /// The optimiser's state goes on from call to call; an optimiser of another kind begins afresh.
    ///
    /// # Errors
    /// [`Error::Setting`] when the run is not legal for `data` (see
    /// [`Run::check`]), [`Error::Device`] when the device fails.
    fn train(&mut self, data: &Self::Data, run: &Run<'_>, losses: &mut Vec<f32>) -> Result<()>;

    /// The logits of the samples `order`, `[order.len(), C]` row-major.
    ///
    /// # Errors
    /// As [`Engine::train`].
    fn logits(&self, data: &Self::Data, order: &[u32]) -> Result<Vec<f32>>;

    /// The logits of `features`, `[B, In::LEN]` row-major; `[B, Output::LEN]`.
    ///
    /// # Errors
    /// [`Error::Data`] when `features` is not a whole number of samples,
    /// [`Error::Device`] when the device fails.
    fn forward(&self, features: &[f32]) -> Result<Vec<f32>>;

    /// A copy of the parameters.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    fn weights(&self) -> Result<Weights<N>>;

    /// A copy of what the optimiser remembers, or `None` before the first step.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    fn optimizer_state(&self) -> Result<Option<OptimizerState<N>>>;

    /// Goes on from these weights and this state of an optimiser, or with a fresh one.
    ///
    /// What is trained from there on has the same bits as on the engine that gave them.
    ///
    /// # Errors
    /// [`Error::Setting`] when the state has other moments than its optimiser keeps;
    /// [`Error::Device`] when the device fails.
    fn restore(&mut self, weights: &Weights<N>, state: Option<&OptimizerState<N>>) -> Result<()>;

    /// The logits of one sample; the array's length is the network's, checked when compiling.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails.
    fn predict(&self, sample: &impl Sample<N::In>) -> Result<<N::Output as Shape>::Array> {
        let mut out = N::Output::zeros();
        out.as_mut()
            .copy_from_slice(&self.forward(sample.values())?);
        Ok(out)
    }

    /// Accuracy, mean cross-entropy and confusion matrix on labelled data; dropout is off.
    ///
    /// # Errors
    /// [`Error::Setting`] when `data` holds target values instead of labels,
    /// and as [`Engine::logits`].
    fn evaluate(&self, data: &impl DataFor<N::In, N::Output>) -> Result<Evaluation>
    where
        Self: Sized,
    {
        let uploaded = self.upload(data)?;
        let order: Vec<u32> = (0..data.samples().len as u32).collect();
        Evaluation::new::<N, _>(self, &uploaded, data.samples(), &order)
    }
}

/// A run of batches: what [`Engine::train`] does.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The samples in the order they are used; every `batch_size` of them make a batch, and the
    /// rest, if any, a smaller last one.
    pub order: &'a [u32],
    /// `B`, at least 1.
    pub batch_size: usize,
    /// How a gradient changes the parameters; its learning rate is the schedule's peak.
    pub optimizer: &'a Optimizer,
    /// How the learning rate changes from step to step.
    pub schedule: Schedule,
    /// The steps of the whole training, of which this run may be a part; the schedule stretches over
    /// them. Of no matter to [`Schedule::CONSTANT`], else at least 1.
    pub total_steps: u64,
    /// What is made small.
    pub loss: Loss,
    /// Decides dropout.
    pub seed: u64,
    /// The number of the first batch's step, counted from 0 at the beginning of training; with
    /// `seed` it decides dropout, with `total_steps` the learning rate.
    pub first_step: u64,
    /// Clipping by norm: where the norm `n` of the gradient of all parameters together is larger than
    /// this, the gradient is multiplied by `clip_norm / (n + 1e-6)` before the optimiser has it.
    ///
    /// Source: `torch.nn.utils.clip_grad_norm_`; R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of
    /// training recurrent neural networks", 2012, <https://arxiv.org/abs/1211.5063>.
    pub clip_norm: Option<f64>,
}

impl Run<'_> {
    /// Checks the run against a data set of `samples` samples; `labels` says whether it has labels.
    ///
    /// # Errors
    /// [`Error::Setting`] for a batch size of 0, a sample that is not there,
    /// an optimiser, schedule, loss or norm out of its range, a schedule over no steps, or
    /// cross-entropy without labels.
    pub fn check(&self, samples: usize, labels: bool) -> Result<()> {
        at_least_one("batch size", self.batch_size)?;
        check_order(self.order, samples)?;
        self.loss.check(labels)?;
        self.optimizer.check()?;
        self.schedule.check()?;
        check_clip_norm(self.clip_norm)?;
        if self.total_steps == 0 && self.schedule != Schedule::CONSTANT {
            let (expected, found) = ("1 or more for a schedule".to_owned(), "0".to_owned());
            return Err(Error::Setting {
                setting: "total steps",
                expected,
                found,
            });
        }
        Ok(())
    }

    /// The learning rate of the run's batch `index`, from 0.
    pub fn learning_rate(&self, index: usize) -> f64 {
        let peak = self.optimizer.learning_rate();
        let step = self.first_step + index as u64;
        self.schedule.learning_rate(peak, step, self.total_steps)
    }

    /// The optimiser as the run's batch `index`, from 0, has it.
    pub fn optimizer_at(&self, index: usize) -> Optimizer {
        self.optimizer.with_learning_rate(self.learning_rate(index))
    }
}

/// What a gradient of this sum of squares is to be multiplied by, where it is below 1; see [`Run::clip_norm`].
fn clip_factor(max_norm: f64, sum_of_squares: f64) -> f64 {
    // Added to the norm, as PyTorch does.
    const EPSILON: f64 = 1e-6;
    max_norm / (sum_of_squares.sqrt() + EPSILON)
}

/// How many samples of `width` features there are.
///
/// # Errors
/// [`Error::Data`] when they are not whole.
fn whole_samples(features: &[f32], width: usize) -> Result<usize> {
    if !features.len().is_multiple_of(width) {
        let expected = format!("whole samples of {width} features");
        let found = format!("{} values", features.len());
        return Err(Error::Data {
            sample: None,
            expected,
            found,
        });
    }
    Ok(features.len() / width)
}

/// # Errors
/// [`Error::Setting`] when `order` names a sample that is not below `samples`.
fn check_order(order: &[u32], samples: usize) -> Result<()> {
    match order.iter().find(|&&sample| sample as usize >= samples) {
        Some(sample) => Err(Error::Setting {
            setting: "order",
            expected: format!("samples below {samples}"),
            found: sample.to_string(),
        }),
        None => Ok(()),
    }
}

/// # Errors
/// [`Error::Setting`] when `class` is not one of the network's.
#[cfg(feature = "dfdx")]
pub(crate) fn check_class<N: Network>(class: usize) -> Result<()> {
    if class >= N::Output::LEN {
        return Err(Error::Setting {
            setting: "class",
            expected: format!("a number below {}", N::Output::LEN),
            found: class.to_string(),
        });
    }
    Ok(())
}
