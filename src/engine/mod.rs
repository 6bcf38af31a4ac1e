//! Engines: each runs the plan of a network's type.
//!
//! [`Fused`] is the engine to use on a CPU, optimised for speed. `Tape` (feature `dfdx`) is the reference: dfdx's
//! tensors, tape and kernels, on the CPU or (feature `cuda`) on an NVIDIA GPU. Every other engine is tested against
//! it.

mod committee;
mod data_parallel;
mod fused;
#[cfg(feature = "cuda")]
mod fused_cuda;
#[cfg(feature = "cuda")]
mod gpu;
mod optimizer_state;
pub(crate) mod ranks;
mod rule;
mod run;
#[cfg(feature = "dfdx")]
mod tape;

#[cfg(feature = "dfdx")]
pub use dfdx::tensor::Cpu;
#[cfg(feature = "cuda")]
pub use dfdx::tensor::Cuda;
#[cfg(feature = "dfdx")]
pub(crate) use tape::check_class;
#[cfg(feature = "dfdx")]
pub use tape::{Batches, Tape, TapeDevice};

pub use committee::Committee;
pub use data_parallel::DataParallel;
pub use fused::{Fused, Processor, Simd, TrainingMemory, TrainingSize};
#[cfg(feature = "cuda")]
pub use fused_cuda::{FusedCuda, Precision};
pub use optimizer_state::OptimizerState;
pub use ranks::Ranks;
pub use run::Run;
pub(crate) use run::check_batches;

use crate::{
    argmax::argmax,
    data::DataFor,
    error::Result,
    metrics::Evaluate,
    network::Network,
    shape::{Sample, Shape},
    weights::Weights,
};

/// Runs the network `N`: trains it over a run of batches, and computes its logits.
///
/// Data are uploaded once, and one call trains over many batches, so that an engine can keep the
/// data, their order and the loop on its device.
pub trait Engine<N: Network> {
    /// An uploaded data set.
    type Data;

    /// The processes that train the network together: one, except of a `Distributed` (feature `mpi`).
    fn ranks(&self) -> Ranks {
        Ranks::ALONE
    }

    /// The engine's name, as in `dfdx`.
    fn name(&self) -> &'static str;

    /// The device, as in `cpu`.
    fn device(&self) -> String;

    /// Uploads a data set to the device.
    ///
    /// # Errors
    /// [`Error::Device`](crate::error::Error::Device), for example when memory runs out.
    fn upload(&self, data: &impl DataFor<N::In, N::Output>) -> Result<Self::Data>;

    /// Takes one step of the optimiser for each batch of `run`, and appends each batch's mean loss
    /// to `losses`.
    ///
    /// The optimiser's state persists from call to call; an optimiser of another kind starts from zero.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::error::Error::Setting) when the run is not legal for `data` (see
    /// [`Run::check`]) or leaves a batch of one sample to a [`BatchNorm1d`](crate::layers::BatchNorm1d),
    /// [`Error::Device`](crate::error::Error::Device) when the device fails.
    fn train(&mut self, data: &Self::Data, run: &Run<'_>, losses: &mut Vec<f32>) -> Result<()>;

    /// The logits of the samples `order`, `[order.len(), C]` row-major.
    ///
    /// # Errors
    /// As [`Engine::train`].
    fn logits(&self, data: &Self::Data, order: &[u32]) -> Result<Vec<f32>>;

    /// The logits of `features`, `[B, In::LEN]` row-major; `[B, Output::LEN]`.
    ///
    /// # Errors
    /// [`Error::Data`](crate::error::Error::Data) when `features` is not a whole number of samples, or not a token of the
    /// vocabulary where the network takes tokens,
    /// [`Error::Device`](crate::error::Error::Device) when the device fails.
    fn forward(&self, features: &[f32]) -> Result<Vec<f32>>;

    /// A copy of the parameters.
    ///
    /// # Errors
    /// [`Error::Device`](crate::error::Error::Device) when the device fails.
    fn weights(&self) -> Result<Weights<N>>;

    /// A copy of the optimiser's state, or `None` before the first step.
    ///
    /// # Errors
    /// [`Error::Device`](crate::error::Error::Device) when the device fails.
    fn optimizer_state(&self) -> Result<Option<OptimizerState<N>>>;

    /// Continues from these weights and this optimiser state; `None` means the initial state.
    ///
    /// Training from there is bitwise identical to training on the engine that they came from.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::error::Error::Setting) when the state has other moments than its optimiser keeps;
    /// [`Error::Device`](crate::error::Error::Device) when the device fails.
    fn restore(&mut self, weights: &Weights<N>, state: Option<&OptimizerState<N>>) -> Result<()>;

    /// The logits of one sample; the array's length is checked against the network at compile time.
    ///
    /// # Errors
    /// [`Error::Device`](crate::error::Error::Device) when the device fails.
    fn predict(&self, sample: &impl Sample<N::In>) -> Result<<N::Output as Shape>::Array> {
        let mut out = N::Output::zeros();
        N::Output::values_mut(&mut out).copy_from_slice(&self.forward(sample.values())?);
        Ok(out)
    }

    /// The predicted class of one sample, that of its largest logit, the first in a tie: its index, or an `L` of a network
    /// that ends with [`Logits<L>`](crate::label::Logits). As in `torch.argmax`, a NaN counts as the largest.
    ///
    /// # Errors
    /// As [`Engine::predict`].
    fn classify(&self, sample: &impl Sample<N::In>) -> Result<<N::Output as Shape>::Class> {
        let logits = self.predict(sample)?;
        Ok(N::Output::class(argmax(N::Output::values(&logits))))
    }

    /// The metrics of the network on all samples of `data`; dropout is off. For labelled data an
    /// [`Evaluation`](crate::metrics::Evaluation): accuracy, mean cross-entropy, confusion matrix and probabilities; for
    /// several labels per sample a [`MultiLabelEvaluation`](crate::metrics::MultiLabelEvaluation), an `Evaluation` of
    /// each label; for target values a [`RegressionEvaluation`](crate::metrics::RegressionEvaluation): MAE, RMSE and R².
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::Values};
    ///
    /// let line = Dataset::<Features<1>, Values<1>>::regression(vec![0., 1., 2.], vec![1., 3., 6.])?;
    /// let net = Fused::<(Linear<1, 1>,)>::new(Weights::from_slice(&[2.0, 1.0])?)?; // 2 x + 1
    /// assert_eq!(net.evaluate(&line)?.mae(), 1.0 / 3.0);
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Engine::logits`].
    fn evaluate<D>(&self, data: &D) -> Result<<D::Target as Evaluate>::Evaluation>
    where
        D: DataFor<N::In, N::Output, Target: Evaluate>,
        Self: Sized,
    {
        let uploaded = self.upload(data)?;
        let samples = data.samples();
        let order: Vec<u32> = (0..samples.len as u32).collect();
        let outputs = self.logits(&uploaded, &order)?;
        Ok(D::Target::evaluation(&samples.targets, outputs))
    }
}
