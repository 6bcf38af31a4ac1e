//! The kernels of a training step, in their order.

use cudarc::driver::{CudaSlice, PushKernelArg};

use super::{
    arguments::{Address, Data, NULL, Parameters, Stream, Update},
    batch::Batch,
    buffers::{Buffers, TrainingBuffers},
    device::{blocks, tiles},
    model::{Memory, Model},
};
use crate::{engine::rule::Rule, error::Result, seed};

impl Model {
    /// Forward, backward and update by one batch.
    pub(super) fn step(&self, memory: &Memory, batch: &Batch<'_>, rule: Rule) -> Result<()> {
        let (Some(buffers), Some(training)) = (&memory.forward, &memory.training) else {
            return Err(self.device.failed("no buffers"));
        };
        let len = batch.len as i32;
        let masks = match batch.dropout {
            Some((seed, step)) if self.program.dropouts().next().is_some() => {
                self.draw_masks(training, (seed, step), batch.len)?;
                self.address(&training.masks)
            }
            _ => NULL,
        };
        let samples = (batch.data, batch.order, batch.len);
        self.forward(buffers, samples, Some((training, masks)))?;
        let last = self.program.stages.len() - 1;
        self.device.launch(
            &self.kernels.loss_of_samples,
            blocks(32 * batch.len),
            |launch| {
                launch
                    .arg(&batch.data)
                    .arg(&batch.order)
                    .arg(&buffers.values[last])
                    .arg(&training.products[last]);
                launch
                    .arg(&training.gradients[last])
                    .arg(&batch.losses)
                    .arg(&masks)
                    .arg(&len);
                launch.arg(&batch.divisor).arg(batch.loss);
            },
        )?;
        let parameters = self.parameters(memory);
        let update = Update::from(rule);
        for (index, stage) in self.program.stages.iter().enumerate().rev() {
            let gradient = &training.gradients[index];
            let input = match index {
                0 => &buffers.input,
                _ => &buffers.values[index - 1],
            };
            // the gradient of the inputs needs the weights before their update
            if let Some(backward) = &self.kernels.stages[index].backward {
                let weights = parameters.weights + 4 * stage.offset as u64;
                let before = &training.products[index - 1];
                self.device
                    .launch(backward, tiles(batch.len, stage.inputs), |launch| {
                        launch.arg(gradient).arg(&weights).arg(before);
                        launch
                            .arg(&training.gradients[index - 1])
                            .arg(&masks)
                            .arg(&len);
                    })?;
            }
            let columns = stage.inputs + 1; // and the bias
            self.device.launch(
                &self.kernels.stages[index].learn,
                tiles(stage.outputs, columns),
                |launch| {
                    launch
                        .arg(gradient)
                        .arg(input)
                        .arg(&parameters)
                        .arg(&len)
                        .arg(&update);
                },
            )?;
        }
        Ok(())
    }

    /// The values of every stage for the samples of `data` in this order; in a training also the products, with these
    /// masks.
    pub(super) fn forward(
        &self,
        buffers: &Buffers,
        (data, order, len): (Data, Address, usize),
        training: Option<(&TrainingBuffers, Address)>,
    ) -> Result<()> {
        let batch = len as i32;
        let masks = training.map_or(NULL, |(_, masks)| masks);
        self.device.launch(
            &self.kernels.gather_features,
            blocks(len * self.program.features),
            |launch| {
                launch
                    .arg(&data)
                    .arg(&order)
                    .arg(&buffers.input)
                    .arg(&masks)
                    .arg(&self.statistics)
                    .arg(&batch);
            },
        )?;
        let mut input = &buffers.input;
        for (index, (stage, values)) in self.program.stages.iter().zip(&buffers.values).enumerate()
        {
            let kept =
                |(training, _): (&TrainingBuffers, _)| self.address(&training.products[index]);
            let products = training.map_or(NULL, kept);
            let weights = self.address(&self.parameters) + 4 * stage.offset as u64;
            self.device.launch(
                &self.kernels.stages[index].forward,
                tiles(len, stage.outputs),
                |launch| {
                    launch
                        .arg(input)
                        .arg(&weights)
                        .arg(&products)
                        .arg(values)
                        .arg(&masks)
                        .arg(&batch);
                },
            )?;
            input = values;
        }
        Ok(())
    }

    fn draw_masks(
        &self,
        training: &TrainingBuffers,
        (seed, step): (u64, u64),
        len: usize,
    ) -> Result<()> {
        let batch = len as i32;
        let mut mask = self.address(&training.masks);
        for dropout in self.program.dropouts() {
            let stream = Stream::of_dropout(seed, step, dropout.index);
            let (dropped_below, keep) = seed::dropout_numbers(dropout.percent);
            let width = dropout.width as i32;
            self.device.launch(
                &self.kernels.dropout,
                blocks(len * dropout.width.div_ceil(16)),
                |launch| {
                    launch
                        .arg(&mask)
                        .arg(&width)
                        .arg(&batch)
                        .arg(&stream)
                        .arg(&dropped_below)
                        .arg(&keep);
                },
            )?;
            mask += 4 * (len * dropout.width) as u64;
        }
        Ok(())
    }

    /// Updates by the stored gradient, whose norm is limited.
    pub(super) fn apply_clipped(
        &self,
        parameters: Parameters,
        max_norm: f64,
        rule: Rule,
        factor: &CudaSlice<f32>,
    ) -> Result<()> {
        let (count, update) = (self.program.parameters as i32, Update::from(rule));
        self.device.launch(&self.kernels.clip, (1, 1), |launch| {
            launch
                .arg(&parameters.gradients)
                .arg(&count)
                .arg(&max_norm)
                .arg(factor);
        })?;
        self.device.launch(
            &self.kernels.apply,
            blocks(self.program.parameters),
            |launch| {
                launch.arg(&parameters).arg(&count).arg(factor).arg(&update);
            },
        )
    }
}
