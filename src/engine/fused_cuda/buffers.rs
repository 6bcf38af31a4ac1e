//! [`Memory`]: buffers on the device that are kept from run to run.

use cudarc::driver::{CudaSlice, DeviceRepr, ValidAsZeroBits};

use super::{
    arguments::{Address, NULL, StageAddresses, Step},
    device::Device,
    graph::Captured,
    program::Program,
};
use crate::error::Result;

/// A buffer of at least as many values as have been asked for.
pub(super) struct Buffer<T>(Option<CudaSlice<T>>);

/// The buffers of a stage, each `[batch, O]`.
#[derive(Default)]
pub(super) struct StageBuffers {
    pub(super) values: Buffer<f32>,
    /// In a training, the sums before the operations of the stage, and their gradients.
    pub(super) products: Buffer<f32>,
    pub(super) gradients: Buffer<f32>,
}

#[derive(Default)]
pub(super) struct Memory {
    pub(super) stages: Vec<StageBuffers>,
    /// The masks of all dropouts, `[batch, O]` each.
    pub(super) masks: Buffer<f32>,
    /// The gradient of all parameters, where it is not applied at once.
    pub(super) gradient: Buffer<f32>,
    /// What the gradient is multiplied by.
    pub(super) factor: Buffer<f32>,
    pub(super) class_weights: Buffer<f32>,
    /// Of a run: its samples, its steps, and how many of these are done.
    pub(super) order: Buffer<u32>,
    pub(super) steps: Buffer<Step>,
    pub(super) first: Buffer<u32>,
    /// The losses of a run's samples and of its batches.
    pub(super) losses: Buffer<f32>,
    pub(super) means: Buffer<f32>,
    /// All with the same arguments, each of another number of steps.
    pub(super) graphs: Vec<Captured>,
}

impl<T> Default for Buffer<T> {
    fn default() -> Buffer<T> {
        Buffer(None)
    }
}

impl<T: DeviceRepr + ValidAsZeroBits> Buffer<T> {
    /// Its address, with place for this many values.
    pub(super) fn of(&mut self, device: &Device, len: usize) -> Result<Address> {
        if self.0.as_ref().is_none_or(|slice| slice.len() < len) {
            self.0 = None; // before there are two
            self.0 = Some(device.zeros(len)?);
        }
        Ok(self.address(device))
    }

    /// Its address, with these values.
    pub(super) fn with(&mut self, device: &Device, values: &[T]) -> Result<Address> {
        self.of(device, values.len())?;
        if let Some(slice) = &mut self.0 {
            device.write(values, slice)?;
        }
        Ok(self.address(device))
    }

    /// Its first values, when all work is done.
    pub(super) fn read(&self, device: &Device, len: usize) -> Result<Vec<T>> {
        match &self.0 {
            Some(slice) => device.read(&slice.slice(..len)),
            None => Ok(Vec::new()),
        }
    }
}

impl<T> Buffer<T> {
    /// Null before [`Buffer::of`].
    pub(super) fn address(&self, device: &Device) -> Address {
        self.0.as_ref().map_or(NULL, |slice| device.address(slice))
    }
}

impl Memory {
    /// Buffers of all stages for a batch of this size.
    pub(super) fn stages(
        &mut self,
        device: &Device,
        program: &Program,
        (batch, trains): (usize, bool),
    ) -> Result<Vec<StageAddresses>> {
        self.stages
            .resize_with(program.stages.len(), StageBuffers::default);
        let stages = self.stages.iter_mut().zip(&program.stages);
        stages
            .map(|(buffers, stage)| {
                let len = batch * stage.outputs;
                let training = |buffer: &mut Buffer<f32>| match trains {
                    true => buffer.of(device, len),
                    false => Ok(NULL),
                };
                Ok(StageAddresses {
                    products: training(&mut buffers.products)?,
                    gradients: training(&mut buffers.gradients)?,
                    values: buffers.values.of(device, len)?,
                })
            })
            .collect()
    }
}
