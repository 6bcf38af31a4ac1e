//! [`FusedCuda`]: kernels that are generated from the plan, for an NVIDIA GPU.
//!
//! `program.rs` lowers the plan to stages, `source.rs` writes them as CUDA C, with the templates in `kernels`, `device.rs` compiles
//! that, `kernels.rs` finds the kernels, `model.rs` runs it batch by batch, and `step.rs` launches the kernels.

mod arguments;
mod buffers;
mod data;
mod device;
mod graph;
mod kernels;
mod model;
mod precision;
mod program;
mod source;
mod step;

use std::{fmt, marker::PhantomData};

pub use self::precision::Precision;
use self::{data::Uploaded, model::Model};
use super::{
    Engine, OptimizerState, Run,
    run::{check_order, whole_samples},
};
use crate::{
    data::DataFor,
    error::Result,
    network::Network,
    objective::Loss,
    shape::Shape,
    weights::{RunningStatistics, Weights, WeightsOf},
};

/// The fast engine for an NVIDIA GPU: kernels made for the network's type, with its sizes as constants.
///
/// The bias, the activations and dropout are in the epilogue of a product, the optimiser's update is in that of the
/// gradient of the weights; the data set and its order are on the device, and losses are read once per run. All sums
/// have a fixed order, so results are the same bits in every run.
///
/// It runs networks of [`Linear`](crate::layers::Linear), activations without parameters, `Dropout` and, first,
/// `Standardize`, in `f32`, and refuses others when it is made. The kernels are compiled when it is made, by NVIDIA's
/// run-time compiler (NVRTC), for the GPU that is there.
///
/// ```no_run
/// use tuplenet::{engine::FusedCuda, prelude::*};
///
/// type Net = (Linear<784, 128>, ReLU, Linear<128, 10>);
/// let net = FusedCuda::<Net>::new(0, Weights::init(1))?; // the first GPU
/// # Ok::<(), tuplenet::Error>(())
/// ```
pub struct FusedCuda<N: Network> {
    model: Model,
    precision: Precision,
    running: RunningStatistics,
    network: PhantomData<fn() -> N>,
}

impl<N: Network> FusedCuda<N> {
    /// The network with these weights, on the NVIDIA GPU with this ordinal, from 0, in the driver's order.
    ///
    /// # Errors
    /// As [`FusedCuda::with_precision`].
    pub fn new<W: WeightsOf<N>>(ordinal: usize, weights: W) -> Result<Self> {
        FusedCuda::with_precision(ordinal, weights, Precision::F32)
    }

    /// The same, with products of this precision.
    ///
    /// # Errors
    /// [`Error::Unsupported`](crate::Error::Unsupported) for a network with other layers than it runs;
    /// [`Error::NoDevice`](crate::Error::NoDevice) where there is no driver, no such GPU, no compiler, or no tensor cores of
    /// that precision; [`Error::Device`](crate::Error::Device) when the device fails, for example when it is out of memory.
    pub fn with_precision<W: WeightsOf<N>>(
        ordinal: usize,
        weights: W,
        precision: Precision,
    ) -> Result<Self> {
        let weights = weights.into_weights();
        let values = (weights.as_slice(), weights.statistics());
        let device = (ordinal, precision);
        let model = Model::new(device, const { &N::PLAN }, N::In::LEN, values)?;
        Ok(FusedCuda {
            model,
            precision,
            running: weights.running.clone(),
            network: PhantomData,
        })
    }

    /// The mean loss of the batch `order` and its gradient with respect to every parameter, in the layout of the
    /// parameters; dropout is off.
    ///
    /// # Errors
    /// As [`Engine::train`].
    pub fn gradient(
        &self,
        data: &Uploaded,
        order: &[u32],
        loss: Loss,
    ) -> Result<(f32, Weights<N>)> {
        data.check::<N>(&self.model.device)?;
        loss.check(&data.samples.targets, N::Output::LEN)?;
        check_order(order, data.samples.len)?;
        let (value, gradient) = self.model.gradient(data, order, &loss)?;
        Ok((value, Weights::from_slice(&gradient)?))
    }
}

impl<N: Network> Engine<N> for FusedCuda<N> {
    type Data = Uploaded;

    fn name(&self) -> &'static str {
        self.precision.engine()
    }

    fn device(&self) -> String {
        self.model.device.name.clone()
    }

    fn upload(&self, data: &impl DataFor<N::In, N::Output>) -> Result<Uploaded> {
        let widths = [N::In::LEN, N::Output::LEN];
        Uploaded::new(&self.model.device, data.samples(), widths)
    }

    fn train(&mut self, data: &Uploaded, run: &Run<'_>, losses: &mut Vec<f32>) -> Result<()> {
        data.check::<N>(&self.model.device)?;
        run.check(&data.samples, N::Output::LEN)?;
        losses.extend(self.model.train(data, run)?);
        Ok(())
    }

    fn logits(&self, data: &Uploaded, order: &[u32]) -> Result<Vec<f32>> {
        data.check::<N>(&self.model.device)?;
        check_order(order, data.samples.len)?;
        if order.is_empty() {
            return Ok(Vec::new());
        }
        self.model.logits(data.arguments, Some(order), order.len())
    }

    fn forward(&self, features: &[f32]) -> Result<Vec<f32>> {
        let samples = whole_samples(features, N::In::LEN)?;
        self.model.logits_of(features, samples)
    }

    fn weights(&self) -> Result<Weights<N>> {
        let mut weights = Weights::from_slice(&self.model.weights()?)?;
        weights.running = self.running.clone();
        Ok(weights)
    }

    fn optimizer_state(&self) -> Result<Option<OptimizerState<N>>> {
        let Some(state) = self.model.optimizer else {
            return Ok(None);
        };
        let moments = self.model.moments(state.moments)?;
        let moments = moments.iter().map(|moment| Weights::from_slice(moment));
        Ok(Some(OptimizerState {
            kind: state.kind,
            steps: state.steps,
            moments: moments.collect::<Result<_>>()?,
        }))
    }

    fn restore(&mut self, weights: &Weights<N>, state: Option<&OptimizerState<N>>) -> Result<()> {
        state.map_or(Ok(()), OptimizerState::check)?;
        let state = state.map(|state| {
            let moments = state.moments.iter().map(Weights::as_slice);
            (state.kind, state.steps, moments.collect())
        });
        self.model
            .restore(weights.as_slice(), weights.statistics(), state)?;
        self.running = weights.running.clone();
        Ok(())
    }
}

impl<N: Network> fmt::Debug for FusedCuda<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = std::any::type_name::<N>();
        write!(f, "FusedCuda<{network}> on {}", self.model.device.name)
    }
}
