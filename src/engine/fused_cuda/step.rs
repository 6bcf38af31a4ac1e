//! The kernels of a training step, in their order.

use cudarc::driver::{LaunchArgs, PushKernelArg};

use super::{
    arguments::{Address, Batch, NULL, RunArguments, StageAddresses, StepArguments, Stream},
    device::blocks,
    model::Model,
};
use crate::{error::Result, seed};

impl Model {
    /// Forward, backward and update by one batch.
    pub(super) fn step(&self, arguments: &StepArguments, batch: Batch) -> Result<()> {
        if arguments.run.masks != NULL {
            self.draw_masks(arguments, batch)?;
        }
        self.forward(arguments, batch)?;
        let (run, stages) = (&arguments.run, &arguments.stages);
        let (len, last) = (batch.len as usize, stages.len() - 1);
        self.device
            .launch(&self.kernels.loss_of_samples, blocks(32 * len), |launch| {
                launch.arg(run).arg(&batch).arg(&stages[last].values);
                launch
                    .arg(&stages[last].products)
                    .arg(&stages[last].gradients);
            })?;
        for (index, stage) in self.program.stages.iter().enumerate().rev() {
            let (kernels, gradients) = (&self.kernels.stages[index], &stages[index].gradients);
            // the gradient of the inputs needs the weights before their update
            if let Some(backward) = &kernels.backward {
                let before = &stages[index - 1];
                backward.launch(&self.device, [len, stage.inputs], |launch| {
                    launch.arg(run).arg(&batch).arg(gradients);
                    launch.arg(&before.products).arg(&before.gradients);
                })?;
            }
            let columns = stage.inputs + 1; // and the bias
            kernels
                .learn
                .launch(&self.device, [stage.outputs, columns], |launch| {
                    launch.arg(run).arg(&batch).arg(gradients);
                    input_of(index, stages, launch);
                })?;
        }
        match &arguments.clip {
            Some((max_norm, factor)) => self.apply_clipped(run, batch, max_norm, factor),
            None => Ok(()),
        }
    }

    /// The values of every stage, and in a training its products.
    pub(super) fn forward(&self, arguments: &StepArguments, batch: Batch) -> Result<()> {
        let stages = &arguments.stages;
        for (index, stage) in self.program.stages.iter().enumerate() {
            self.kernels.stages[index].forward.launch(
                &self.device,
                [batch.len as usize, stage.outputs],
                |launch| {
                    launch.arg(&arguments.run).arg(&batch);
                    launch
                        .arg(&stages[index].products)
                        .arg(&stages[index].values);
                    input_of(index, stages, launch);
                },
            )?;
        }
        Ok(())
    }

    fn draw_masks(&self, arguments: &StepArguments, batch: Batch) -> Result<()> {
        let (run, len) = (&arguments.run, batch.len as usize);
        let mut mask = run.masks;
        for dropout in self.program.dropouts() {
            let stream = Stream::of_dropout(arguments.seed, dropout.index);
            let (dropped_below, keep) = seed::dropout_numbers(dropout.percent);
            let width = dropout.width as i32;
            self.device.launch(
                &self.kernels.dropout,
                blocks(len * dropout.width.div_ceil(16)),
                |launch| {
                    launch.arg(run).arg(&batch).arg(&mask).arg(&width);
                    launch.arg(&stream).arg(&dropped_below).arg(&keep);
                },
            )?;
            mask += 4 * (len * dropout.width) as u64;
        }
        Ok(())
    }

    /// Updates by the stored gradient, whose norm is limited.
    fn apply_clipped(
        &self,
        run: &RunArguments,
        batch: Batch,
        max_norm: &f64,
        factor: &Address,
    ) -> Result<()> {
        let count = self.program.parameters as i32;
        self.device.launch(&self.kernels.clip, (1, 1), |launch| {
            launch.arg(run).arg(&count).arg(max_norm).arg(factor);
        })?;
        self.device.launch(
            &self.kernels.apply,
            blocks(self.program.parameters),
            |launch| {
                launch.arg(run).arg(&batch).arg(&count).arg(factor);
            },
        )
    }
}

/// The argument of a stage's input; the first stage reads the data set.
fn input_of<'a>(index: usize, stages: &'a [StageAddresses], launch: &mut LaunchArgs<'a>) {
    if let Some(before) = index.checked_sub(1) {
        launch.arg(&stages[before].values);
    }
}
