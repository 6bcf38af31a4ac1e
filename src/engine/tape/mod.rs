//! [`Tape`]: the plan on dfdx tensors. dfdx provides the gradients and the kernels.
//!
//! It is the reference for every other engine, so simplicity comes before speed. Dims: `B` = batch size, `I` = inputs,
//! `O` = outputs, `C` = classes.

mod batches;
mod clip;
#[cfg(feature = "cuda")]
mod cuda;
mod forward;
mod image;
mod layer;
mod saliency;
mod update;

use std::{fmt, marker::PhantomData};

use dfdx::prelude::{
    Axis, Backward, ChooseFrom, Cpu, Device, Gradients, HasShape, NoneTape, SumTo, Tensor, Trace,
    TryAdd, TryDiv, TryLe, TryMul, TrySub,
};

pub use self::batches::Batches;
pub(crate) use self::saliency::check_class;
use self::{
    batches::Uploaded,
    clip::clip,
    forward::{Dropouts, forward},
    layer::{Layer, Matrix, layers},
    update::State,
};
use super::{
    Engine, OptimizerState,
    run::{Run, check_order, whole_samples},
};
use crate::{
    data::DataFor,
    error::{Error, Result},
    network::Network,
    objective::Loss,
    shape::Shape,
    weights::{Weights, WeightsOf},
};

/// The batch size of inference.
const INFERENCE_BATCH: usize = 1024;

/// A batch's mean loss, and its gradients.
type LossAndGradients<D> = (Tensor<(), f32, D>, Gradients<f32, D>);

/// dfdx's tensors and tape as an engine, on dfdx's device `D`.
///
/// ```
/// use tuplenet::prelude::*;
///
/// type Net = (Linear<2, 3>, Tanh, Linear<3, 2>);
/// let net = Tape::<Net>::new(Weights::init(1))?;
/// let logits: [f32; 2] = net.predict(&[0.5, -1.0])?;
/// # Ok::<(), tuplenet::Error>(())
/// ```
pub struct Tape<N: Network, D: Device<f32> = Cpu> {
    device: D,
    /// The device's name, as in `cpu`.
    device_name: String,
    batches: Batches,
    /// One for each step with parameters, in order.
    layers: Vec<Layer<D>>,
    state: Option<State<D>>,
    network: PhantomData<fn() -> N>,
}

impl<N: Network> Tape<N, Cpu> {
    /// The network with these weights, on the CPU.
    ///
    /// # Errors
    /// [`Error::Device`] when memory runs out.
    pub fn new<W: WeightsOf<N>>(weights: W) -> Result<Self> {
        Self::on(Cpu::default(), weights)
    }
}

impl<N: Network, D: Device<f32>> Tape<N, D> {
    /// The network with these weights, on a dfdx device.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails, for example when it is out of memory.
    pub fn on<W: WeightsOf<N>>(device: D, weights: W) -> Result<Self> {
        Self::named(device, type_name::<D>(), weights)
    }

    fn named<W: WeightsOf<N>>(device: D, device_name: String, weights: W) -> Result<Self> {
        let weights = weights.into_weights();
        let layers = layers(&device, &N::PLAN, weights.as_slice())
            .map_err(|error| failed(&device_name, error))?;
        Ok(Tape {
            device,
            device_name,
            batches: Batches::default(),
            layers,
            state: None,
            network: PhantomData,
        })
    }

    /// Where batches of data uploaded from now on are assembled.
    pub fn batches(mut self, batches: Batches) -> Self {
        self.batches = batches;
        self
    }

    /// The mean loss of the batch `order` and its gradient with respect to every parameter, in the layout of the
    /// parameters; dropout is off.
    ///
    /// # Errors
    /// As [`Engine::train`](crate::engine::Engine::train).
    pub fn gradient(
        &self,
        data: &Uploaded<D>,
        order: &[u32],
        loss: Loss,
    ) -> Result<(f32, Weights<N>)> {
        loss.check(data.has_labels())?;
        check_order(order, data.len())?;
        let (value, mut gradients) = self
            .backward(data, order, loss, None)
            .map_err(|error| self.failed(error))?;
        let mut flat = Vec::with_capacity(N::PARAMS);
        for layer in &self.layers {
            layer
                .append_gradient(&mut gradients, &mut flat)
                .map_err(|error| self.failed(error))?;
        }
        Ok((value.as_vec()[0], Weights::from_slice(&flat)?))
    }

    /// Forward and backward over one batch. The loss stays on the device: reading it would synchronise.
    fn backward(
        &self,
        data: &Uploaded<D>,
        order: &[u32],
        loss: Loss,
        dropouts: Option<Dropouts>,
    ) -> Result<LossAndGradients<D>, D::Err> {
        let (batch, classes) = (order.len(), N::Output::LEN);
        let x = data.features(&self.device, order, N::In::LEN)?;
        let targets = data.targets(&self.device, order, classes)?;

        let logits = forward(&N::PLAN, &self.layers, x.leaky_traced(), dropouts)?;
        let targets = match loss {
            Loss::SmoothedCrossEntropy { smoothing } => targets
                .try_mul((1.0 - smoothing) as f32)?
                .try_add((smoothing / classes as f64) as f32)?,
            _ => targets,
        };
        let mean_loss = match loss {
            // per sample first: summing all B C terms at once in f32 loses the fourth digit
            Loss::CrossEntropy | Loss::SmoothedCrossEntropy { .. } => {
                // a class with a target of 0 adds no loss, though `0 * ln 0` is NaN
                let without_share = targets.try_le(0.0)?;
                let nothing: Matrix<D> = self.device.try_zeros_like(targets.shape())?;
                let shares = logits.try_log_softmax::<Axis<1>>()?.try_mul(targets)?;
                without_share
                    .try_choose(nothing.traced(Gradients::leaky()), shares)?
                    .try_sum::<(usize,), Axis<1>>()?
                    .try_sum::<(), _>()?
                    .try_negate()?
                    .try_div(batch as f32)?
            }
            Loss::MeanSquaredError => logits
                .try_sub(targets)?
                .try_square()?
                .try_sum::<(), _>()?
                .try_div((batch * classes) as f32)?,
        };
        let value = mean_loss.retaped::<NoneTape>();
        Ok((value, mean_loss.try_backward()?))
    }

    fn failed(&self, error: D::Err) -> Error {
        failed(&self.device_name, error)
    }
}

impl<N: Network, D: Device<f32>> Engine<N> for Tape<N, D> {
    type Data = Uploaded<D>;

    fn name(&self) -> &'static str {
        "dfdx"
    }

    fn device(&self) -> String {
        self.device_name.clone()
    }

    fn upload(&self, data: &impl DataFor<N::In, N::Output>) -> Result<Uploaded<D>> {
        let (width, classes) = (N::In::LEN, N::Output::LEN);
        Uploaded::new(&self.device, self.batches, data.samples(), width, classes)
            .map_err(|error| self.failed(error))
    }

    fn train(&mut self, data: &Uploaded<D>, run: &Run<'_>, losses: &mut Vec<f32>) -> Result<()> {
        run.check(data.len(), data.has_labels())?;
        let mut on_device = Vec::with_capacity(run.order.len().div_ceil(run.batch_size));
        for (index, batch) in run.order.chunks(run.batch_size).enumerate() {
            let dropouts = Dropouts {
                seed: run.seed,
                step: run.first_step + index as u64,
            };
            let step = self
                .backward(data, batch, run.loss, Some(dropouts))
                .and_then(|(loss, mut gradients)| {
                    if let Some(max_norm) = run.clip_norm {
                        gradients = clip(&self.layers, gradients, max_norm)?;
                    }
                    let optimizer = run.optimizer_at(index);
                    let state = State::of(&mut self.state, &optimizer);
                    state.update(&optimizer, &mut self.layers, &mut gradients)?;
                    Ok(loss)
                });
            on_device.push(step.map_err(|error| self.failed(error))?);
        }
        losses.extend(on_device.iter().map(|loss| loss.as_vec()[0]));
        Ok(())
    }

    fn logits(&self, data: &Uploaded<D>, order: &[u32]) -> Result<Vec<f32>> {
        check_order(order, data.len())?;
        let mut out = Vec::with_capacity(order.len() * N::Output::LEN);
        for batch in order.chunks(INFERENCE_BATCH) {
            let logits = data
                .features(&self.device, batch, N::In::LEN)
                .and_then(|x| forward(&N::PLAN, &self.layers, x, None));
            out.extend(logits.map_err(|error| self.failed(error))?.as_vec());
        }
        Ok(out)
    }

    fn forward(&self, features: &[f32]) -> Result<Vec<f32>> {
        let width = N::In::LEN;
        let shape = (whole_samples(features, width)?, width);
        let logits = self
            .device
            .try_tensor_from_vec(features.to_vec(), shape)
            .and_then(|x: Matrix<D>| forward(&N::PLAN, &self.layers, x, None));
        Ok(logits.map_err(|error| self.failed(error))?.as_vec())
    }

    fn weights(&self) -> Result<Weights<N>> {
        let mut flat = Vec::with_capacity(N::PARAMS);
        for layer in &self.layers {
            flat.extend(layer.weight.as_vec());
            flat.extend(layer.bias.as_vec());
        }
        Weights::from_slice(&flat)
    }

    fn optimizer_state(&self) -> Result<Option<OptimizerState<N>>> {
        let Some(state) = &self.state else {
            return Ok(None);
        };
        let moments = state.moments(&self.layers);
        let moments = moments.map_err(|error| self.failed(error))?;
        let moments = moments.iter().map(|moment| Weights::from_slice(moment));
        Ok(Some(OptimizerState {
            kind: state.kind,
            steps: state.steps.unsigned_abs().into(),
            moments: moments.collect::<Result<_>>()?,
        }))
    }

    fn restore(&mut self, weights: &Weights<N>, state: Option<&OptimizerState<N>>) -> Result<()> {
        state.map_or(Ok(()), OptimizerState::check)?;
        let layers = layers(&self.device, &N::PLAN, weights.as_slice());
        self.layers = layers.map_err(|error| self.failed(error))?;
        let state = state.map(|state| State::restored(&self.layers, &self.device, state));
        self.state = state.transpose().map_err(|error| self.failed(error))?;
        Ok(())
    }
}

/// `cpu` for dfdx's `Cpu`.
fn type_name<D>() -> String {
    let path = std::any::type_name::<D>();
    path.rsplit("::").next().unwrap_or(path).to_lowercase()
}

fn failed(device: &str, error: impl fmt::Display) -> Error {
    Error::Device {
        engine: "dfdx",
        device: device.to_owned(),
        message: error.to_string(),
    }
}

impl<N: Network, D: Device<f32>> fmt::Debug for Tape<N, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = std::any::type_name::<N>();
        write!(f, "Tape<{network}> on {}", self.device_name)
    }
}
