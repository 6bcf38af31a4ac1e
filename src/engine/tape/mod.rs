//! [`Tape`]: the plan on dfdx tensors. dfdx provides the gradients and the kernels.
//!
//! It is the reference for every other engine, so simplicity comes before speed. `model.rs` has the computations.

mod batches;
mod clip;
mod concat;
#[cfg(feature = "cuda")]
mod cuda;
mod device;
mod embedding;
mod forward;
#[cfg(any(feature = "cuda", test))]
mod guard;
mod image;
mod layer;
mod layer_norm;
mod loss;
mod model;
mod norm;
mod prelu;
mod ranks;
mod saliency;
mod standardize;
mod update;
mod values;

use std::{fmt, marker::PhantomData};

use dfdx::prelude::Cpu;

pub(crate) use self::saliency::check_class;
pub use self::{batches::Batches, device::TapeDevice};
use self::{batches::Uploaded, model::Model, update::Snapshot};
use super::{DataParallel, Engine, OptimizerState, Ranks, run::Run};
use crate::{
    data::{DataFor, check_tokens},
    error::Result,
    network::Network,
    objective::Loss,
    shape::Shape,
    weights::{Weights, WeightsOf},
};

/// dfdx's tensors and tape as an engine, on dfdx's device `D`.
///
/// It runs on several processes as well (`Distributed`, feature `mpi`), but for training networks with batch normalisation: the tape
/// has the samples of one process, and [`Fused`](super::Fused) trains them by the statistics of the whole batch.
///
/// ```
/// use tuplenet::prelude::*;
///
/// type Net = (Linear<2, 3>, Tanh, Linear<3, 2>);
/// let net = Tape::<Net>::new(Weights::init(1))?;
/// let logits: [f32; 2] = net.predict(&[0.5, -1.0])?;
/// # Ok::<(), tuplenet::Error>(())
/// ```
pub struct Tape<N: Network, D: TapeDevice = Cpu> {
    model: Model<D>,
    network: PhantomData<fn() -> N>,
}

impl<N: Network> Tape<N, Cpu> {
    /// The network with these weights, on the CPU.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when memory runs out.
    pub fn new<W: WeightsOf<N>>(weights: W) -> Result<Self> {
        Self::on(Cpu::default(), weights)
    }
}

impl<N: Network, D: TapeDevice> Tape<N, D> {
    /// The network with these weights, on a dfdx device.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when the device fails, for example when it is out of memory.
    pub fn on<W: WeightsOf<N>>(device: D, weights: W) -> Result<Self> {
        Self::named(device, type_name::<D>(), weights)
    }

    fn named<W: WeightsOf<N>>(device: D, device_name: String, weights: W) -> Result<Self> {
        let weights = weights.into_weights();
        let widths = [N::In::LEN, N::Output::LEN];
        let plan = const { &N::PLAN };
        Ok(Tape {
            model: D::new(
                device,
                device_name,
                plan,
                widths,
                weights.as_slice(),
                weights.running.clone(),
            )?,
            network: PhantomData,
        })
    }

    /// Where batches of data uploaded from now on are assembled.
    pub fn batches(mut self, batches: Batches) -> Self {
        self.model.batches = batches;
        self
    }

    /// The mean loss of the batch `order` and its gradient with respect to every parameter, in the layout of the
    /// parameters; dropout is off, and batch normalisation uses the statistics of the batch.
    ///
    /// # Errors
    /// As [`Engine::train`](crate::engine::Engine::train).
    pub fn gradient(
        &self,
        data: &Uploaded<D>,
        order: &[u32],
        loss: Loss,
    ) -> Result<(f32, Weights<N>)> {
        let (value, gradient) = D::gradient(&self.model, data, order, loss)?;
        Ok((value, Weights::from_slice(&gradient)?))
    }
}

impl<N: Network, D: TapeDevice> Engine<N> for Tape<N, D> {
    type Data = Uploaded<D>;

    fn name(&self) -> &'static str {
        "dfdx"
    }

    fn device(&self) -> String {
        self.model.device_name.clone()
    }

    fn upload(&self, data: &impl DataFor<N::In, N::Output>) -> Result<Uploaded<D>> {
        D::upload(&self.model, data.samples())
    }

    fn train(&mut self, data: &Uploaded<D>, run: &Run<'_>, losses: &mut Vec<f32>) -> Result<()> {
        D::train(&mut self.model, data, run, &Ranks::ALONE, losses)
    }

    fn logits(&self, data: &Uploaded<D>, order: &[u32]) -> Result<Vec<f32>> {
        D::logits(&self.model, data, order)
    }

    fn forward(&self, features: &[f32]) -> Result<Vec<f32>> {
        check_tokens::<N::In>(0, features.iter().copied())?;
        D::logits_of(&self.model, features)
    }

    fn weights(&self) -> Result<Weights<N>> {
        let mut weights = Weights::from_slice(&D::weights(&self.model)?)?;
        weights.running = self.model.running.clone();
        Ok(weights)
    }

    fn optimizer_state(&self) -> Result<Option<OptimizerState<N>>> {
        let Some(Snapshot {
            kind,
            steps,
            moments,
        }) = D::snapshot(&self.model)?
        else {
            return Ok(None);
        };
        let moments = moments.iter().map(|moment| Weights::from_slice(moment));
        Ok(Some(OptimizerState {
            kind,
            steps,
            moments: moments.collect::<Result<_>>()?,
        }))
    }

    fn restore(&mut self, weights: &Weights<N>, state: Option<&OptimizerState<N>>) -> Result<()> {
        state.map_or(Ok(()), OptimizerState::check)?;
        let snapshot = state.map(|state| Snapshot {
            kind: state.kind,
            steps: state.steps,
            moments: state
                .moments
                .iter()
                .map(|moment| moment.as_slice().to_vec())
                .collect(),
        });
        D::restore(&mut self.model, weights.as_slice(), snapshot)?;
        self.model.running = weights.running.clone();
        Ok(())
    }
}

impl<N: Network, D: TapeDevice> DataParallel<N> for Tape<N, D> {
    fn arithmetic(&self) -> String {
        // ranks add up their gradients, and then compute with the same bits
        format!(
            "those of {} on {}",
            type_name::<D>(),
            std::env::consts::ARCH
        )
    }

    fn train_part(
        &mut self,
        data: &Uploaded<D>,
        run: &Run<'_>,
        ranks: &Ranks,
        losses: &mut Vec<f32>,
    ) -> Result<()> {
        D::train(&mut self.model, data, run, ranks, losses)
    }
}

/// `cpu` for dfdx's `Cpu`.
fn type_name<D>() -> String {
    let path = std::any::type_name::<D>();
    path.rsplit("::").next().unwrap_or(path).to_lowercase()
}

impl<N: Network, D: TapeDevice> fmt::Debug for Tape<N, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = std::any::type_name::<N>();
        write!(f, "Tape<{network}> on {}", self.model.device_name)
    }
}
