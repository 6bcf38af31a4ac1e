//! [`Model`]: what [`Tape`](super::Tape) computes, for the plan of any network. It is not generic over the network, so
//! that the compiler makes it once for all of them.
//!
//! Dims: `B` = batch size, `I` = inputs, `O` = outputs, `C` = classes.

use std::{fmt::Display, sync::Arc};

use dfdx::prelude::{Device, Merge, NoneTape, Tape as DfdxTape, Tensor, Trace};

use super::{
    batches::{Batches, Uploaded},
    clip::clip,
    forward::{Dropouts, Pass, forward},
    layer::{Layer, Matrix, layers},
    loss::{BatchLoss, LossAndGradients},
    norm,
    ranks::{check_layers, nothing, sum},
    update::{Snapshot, State},
};
use crate::{
    data::Samples,
    engine::{
        Ranks,
        run::{Run, check_batches, check_order, whole_samples},
    },
    error::{Error, Result},
    objective::Loss,
    plan::Plan,
    weights::RunningStatistics,
};

/// The batch size of inference.
const INFERENCE_BATCH: usize = 1024;

/// A network on dfdx's device `D`.
#[derive(Debug)]
pub struct Model<D: Device<f32>> {
    pub(super) device: D,
    /// The device's name, as in `cpu`.
    pub(super) device_name: String,
    pub(super) batches: Batches,
    pub(super) plan: &'static Plan,
    /// `I` of the first and `O` of the last step.
    pub(super) widths: [usize; 2],
    /// One for each step with parameters, in order.
    pub(super) layers: Vec<Layer<D>>,
    /// On the host: those of a batch are few.
    pub(super) running: RunningStatistics,
    state: Option<State<D>>,
}

impl<D: Device<f32>> Model<D> {
    pub(super) fn new(
        device: D,
        device_name: String,
        plan: &'static Plan,
        widths: [usize; 2],
        weights: &[f32],
        running: RunningStatistics,
    ) -> Result<Self> {
        let layers = layers(&device, plan, weights).map_err(|error| failed(&device_name, error))?;
        Ok(Model {
            device,
            device_name,
            batches: Batches::default(),
            plan,
            widths,
            layers,
            running,
            state: None,
        })
    }

    pub(super) fn upload(&self, samples: &Arc<Samples>) -> Result<Uploaded<D>> {
        let [width, classes] = self.widths;
        Uploaded::new(&self.device, self.batches, samples, width, classes)
            .map_err(|error| self.failed(error))
    }

    pub(super) fn gradient(
        &self,
        data: &Uploaded<D>,
        order: &[u32],
        loss: Loss,
    ) -> Result<(f32, Vec<f32>)> {
        loss.check(&data.samples().targets, self.widths[1])?;
        check_order(order, data.len())?;
        check_batches(self.plan, order.len(), order.len().max(1))?;
        let (value, mut gradients) = self
            .backward(data, [order; 2], &loss, &mut Pass::training(None))
            .map_err(|error| self.failed(error))?;
        let mut flat = Vec::new();
        for layer in &self.layers {
            layer
                .append_gradient(&mut gradients, &mut flat)
                .map_err(|error| self.failed(error))?;
        }
        Ok((value.as_vec()[0], flat))
    }

    pub(super) fn forward<T: DfdxTape<f32, D> + Merge<NoneTape> + Merge<T>>(
        &self,
        x: Matrix<D, T>,
        pass: &mut Pass,
    ) -> Result<Matrix<D, T>, D::Err> {
        forward(self.plan, (&self.layers, &self.running), x, pass)
    }

    /// Forward and backward over the samples `order`, those of this rank in the batch `whole`. The loss stays on the device: reading
    /// it would synchronise.
    fn backward(
        &self,
        data: &Uploaded<D>,
        [order, whole]: [&[u32]; 2],
        loss: &Loss,
        pass: &mut Pass,
    ) -> Result<LossAndGradients<D>, D::Err> {
        let [width, classes] = self.widths;
        let x = data.features(&self.device, order, width)?;
        let logits = self.forward(x.leaky_traced(), pass)?;
        let batch = BatchLoss {
            device: &self.device,
            data,
            order,
            whole,
            classes,
            loss,
        };
        batch.backward(logits)
    }

    pub(super) fn train(
        &mut self,
        data: &Uploaded<D>,
        run: &Run<'_>,
        ranks: &Ranks,
        losses: &mut Vec<f32>,
    ) -> Result<()> {
        check_layers(self.plan, ranks)?;
        run.check(data.samples(), self.widths[1])?;
        check_batches(self.plan, run.order.len(), run.batch_size)?;
        let mut on_device = Vec::with_capacity(run.order.len().div_ceil(run.batch_size));
        for (index, batch) in run.order.chunks(run.batch_size).enumerate() {
            let part = ranks.part(batch.len());
            let dropouts = Dropouts {
                seed: run.seed,
                step: run.first_step + index as u64,
                first_row: part.start,
            };
            let mut pass = Pass::training(Some(dropouts));
            let of_rank = match part.is_empty() {
                true => nothing(&self.device),
                false => self.backward(data, [&batch[part], batch], &run.loss, &mut pass),
            };
            let step = of_rank.and_then(|(loss, mut gradients)| {
                let model = (&self.device, self.plan, &self.layers[..]);
                gradients = sum(model, gradients, ranks)?;
                if let Some(max_norm) = run.clip_norm {
                    gradients = clip(&self.layers, gradients, max_norm)?;
                }
                let optimizer = run.optimizer_at(index);
                let state = State::of(&mut self.state, &optimizer);
                state.update(&optimizer, &mut self.layers, &mut gradients)?;
                Ok(loss)
            });
            on_device.push(step.map_err(|error| self.failed(error))?);
            norm::update(&mut self.running, self.plan, pass.statistics());
        }
        let mut of_run: Vec<f32> = on_device.iter().map(|loss| loss.as_vec()[0]).collect();
        ranks.sum_losses(&mut of_run);
        losses.extend(of_run);
        Ok(())
    }

    pub(super) fn logits(&self, data: &Uploaded<D>, order: &[u32]) -> Result<Vec<f32>> {
        let [width, classes] = self.widths;
        check_order(order, data.len())?;
        let mut out = Vec::with_capacity(order.len() * classes);
        for batch in order.chunks(INFERENCE_BATCH) {
            let logits = data
                .features(&self.device, batch, width)
                .and_then(|x| self.forward(x, &mut Pass::Inference));
            out.extend(logits.map_err(|error| self.failed(error))?.as_vec());
        }
        Ok(out)
    }

    pub(super) fn logits_of(&self, features: &[f32]) -> Result<Vec<f32>> {
        let [width, _] = self.widths;
        let shape = (whole_samples(features, width)?, width);
        let logits = self
            .device
            .try_tensor_from_vec(features.to_vec(), shape)
            .and_then(|x: Matrix<D>| self.forward(x, &mut Pass::Inference));
        Ok(logits.map_err(|error| self.failed(error))?.as_vec())
    }

    pub(super) fn weights(&self) -> Vec<f32> {
        let mut flat = Vec::new();
        for layer in &self.layers {
            flat.extend(layer.weight.as_vec());
            flat.extend(layer.bias.iter().flat_map(Tensor::as_vec));
        }
        flat
    }

    pub(super) fn snapshot(&self) -> Result<Option<Snapshot>> {
        let Some(state) = &self.state else {
            return Ok(None);
        };
        let moments = state.moments(&self.layers);
        Ok(Some(Snapshot {
            kind: state.kind,
            steps: state.steps.unsigned_abs().into(),
            moments: moments.map_err(|error| self.failed(error))?,
        }))
    }

    pub(super) fn restore(&mut self, weights: &[f32], snapshot: Option<Snapshot>) -> Result<()> {
        let layers = layers(&self.device, self.plan, weights);
        self.layers = layers.map_err(|error| self.failed(error))?;
        let state = snapshot
            .map(|snapshot| State::restored(&self.layers, &self.device, self.plan, &snapshot));
        self.state = state.transpose().map_err(|error| self.failed(error))?;
        Ok(())
    }

    pub(super) fn failed(&self, error: D::Err) -> Error {
        failed(&self.device_name, error)
    }
}

fn failed(device: &str, error: impl Display) -> Error {
    Error::Device {
        engine: "dfdx",
        device: device.to_owned(),
        message: error.to_string(),
    }
}
