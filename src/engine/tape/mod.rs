//! [`Tape`]: the plan on dfdx tensors. dfdx gives the gradients and the kernels.
//!
//! It is the reference for every other engine, so it does what is plain before what is fast.
//! Dims: `B` = batch size, `I` = inputs, `O` = outputs, `C` = classes.

mod forward;
mod update;

use std::{fmt, marker::PhantomData, sync::Arc};

use dfdx::prelude::{
    Axis, Backward, Cpu, Device, Gradients, HasErr, SumTo, Trace, TryDiv, TryMul, TrySub,
};

use self::{
    forward::{Dropouts, Layer, Matrix, forward},
    update::State,
};
use super::{Engine, Run, check_order, whole_samples};
use crate::{
    Network, Weights,
    data::{DataFor, Samples, Targets},
    error::{Error, Result},
    shape::Shape,
    train::Loss,
    weights::WeightsOf,
};

/// How many samples are in flight at once when there is no gradient to take.
const INFERENCE_BATCH: usize = 1000;

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
    /// One for each `Linear` of the plan, in order.
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
    /// The network with these weights, on a device of dfdx's.
    ///
    /// # Errors
    /// [`Error::Device`] when the device fails, for example for want of memory.
    pub fn on<W: WeightsOf<N>>(device: D, weights: W) -> Result<Self> {
        let weights = weights.into_weights();
        let layers = forward::layers(&device, &N::PLAN, weights.as_slice());
        let layers = layers.map_err(failed::<D>)?;
        Ok(Tape {
            device,
            layers,
            state: None,
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
        loss.check(data.has_labels())?;
        check_order(order, data.samples.len)?;
        let (value, mut gradients) = self
            .backward(data, order, loss, None)
            .map_err(failed::<D>)?;
        let mut flat = Vec::with_capacity(N::PARAMS);
        for layer in &self.layers {
            layer
                .append_gradient(&mut gradients, &mut flat)
                .map_err(failed::<D>)?;
        }
        Ok((value, Weights::from_slice(&flat)?))
    }

    /// Forward and backward over one batch.
    fn backward(
        &self,
        data: &Uploaded,
        order: &[u32],
        loss: Loss,
        dropouts: Option<Dropouts>,
    ) -> Result<(f32, Gradients<f32, D>), D::Err> {
        let (batch, width, classes) = (order.len(), N::In::LEN, N::Output::LEN);
        let x = self.features(data, order, width)?;
        let mut targets = vec![0.0; batch * classes];
        data.samples.targets.gather(classes, order, &mut targets);
        let targets: Matrix<D> = self.device.try_tensor_from_vec(targets, (batch, classes))?;

        let logits = forward(&N::PLAN, &self.layers, x.leaky_traced(), dropouts)?;
        let mean_loss = match loss {
            Loss::CrossEntropy => logits
                .try_log_softmax::<Axis<1>>()?
                .try_mul(targets)?
                .try_sum::<(), _>()?
                .try_negate()?
                .try_div(batch as f32)?,
            Loss::MeanSquaredError => logits
                .try_sub(targets)?
                .try_square()?
                .try_sum::<(), _>()?
                .try_div((batch * classes) as f32)?,
        };
        let value = mean_loss.as_vec()[0];
        Ok((value, mean_loss.try_backward()?))
    }

    /// The samples `order`, `[order.len(), width]`.
    fn features(&self, data: &Uploaded, order: &[u32], width: usize) -> Result<Matrix<D>, D::Err> {
        let mut features = vec![0.0; order.len() * width];
        data.samples.features.gather(width, order, &mut features);
        self.device
            .try_tensor_from_vec(features, (order.len(), width))
    }
}

impl<N: Network, D: Device<f32>> Engine<N> for Tape<N, D> {
    type Data = Uploaded;

    fn name(&self) -> &'static str {
        "dfdx"
    }

    fn device(&self) -> String {
        device_name::<D>()
    }

    fn upload(&self, data: &impl DataFor<N::In, N::Output>) -> Result<Uploaded> {
        Ok(Uploaded {
            samples: Arc::clone(data.samples()),
        })
    }

    fn train(&mut self, data: &Uploaded, run: &Run<'_>, losses: &mut Vec<f32>) -> Result<()> {
        run.check(data.samples.len, data.has_labels())?;
        for (index, batch) in run.order.chunks(run.batch_size).enumerate() {
            let dropouts = Dropouts {
                seed: run.seed,
                step: run.first_step + index as u64,
            };
            let step = self
                .backward(data, batch, run.loss, Some(dropouts))
                .and_then(|(loss, mut gradients)| {
                    let optimizer = run.optimizer_at(index);
                    let state = State::of(&mut self.state, &optimizer);
                    state.update(&optimizer, &mut self.layers, &mut gradients)?;
                    Ok(loss)
                });
            losses.push(step.map_err(failed::<D>)?);
        }
        Ok(())
    }

    fn logits(&self, data: &Uploaded, order: &[u32]) -> Result<Vec<f32>> {
        check_order(order, data.samples.len)?;
        let mut out = Vec::with_capacity(order.len() * N::Output::LEN);
        for batch in order.chunks(INFERENCE_BATCH) {
            let logits = self
                .features(data, batch, N::In::LEN)
                .and_then(|x| forward(&N::PLAN, &self.layers, x, None));
            out.extend(logits.map_err(failed::<D>)?.as_vec());
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
        Ok(logits.map_err(failed::<D>)?.as_vec())
    }

    fn weights(&self) -> Result<Weights<N>> {
        let mut flat = Vec::with_capacity(N::PARAMS);
        for layer in &self.layers {
            flat.extend(layer.weight.as_vec());
            flat.extend(layer.bias.as_vec());
        }
        Weights::from_slice(&flat)
    }
}

/// A data set as [`Tape`] reads it: shared with the [`Dataset`](crate::data::Dataset), not copied.
#[derive(Clone, Debug)]
pub struct Uploaded {
    samples: Arc<Samples>,
}

impl Uploaded {
    fn has_labels(&self) -> bool {
        matches!(self.samples.targets, Targets::Labels(_))
    }
}

/// `cpu` for dfdx's `Cpu`.
fn device_name<D>() -> String {
    let path = std::any::type_name::<D>();
    path.rsplit("::").next().unwrap_or(path).to_lowercase()
}

fn failed<D: HasErr>(error: D::Err) -> Error {
    Error::Device {
        engine: "dfdx",
        device: device_name::<D>(),
        message: error.to_string(),
    }
}

impl<N: Network, D: Device<f32>> fmt::Debug for Tape<N, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Tape<{}, {}>",
            std::any::type_name::<N>(),
            device_name::<D>()
        )
    }
}
