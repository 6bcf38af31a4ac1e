//! [`Buffers`]: what a batch of some size needs on the device.

use cudarc::driver::CudaSlice;

use super::{device::Device, program::Program};
use crate::error::Result;

/// For a batch of up to `batch` samples.
pub(super) struct Buffers {
    pub(super) batch: usize,
    /// The features, `[batch, F]`.
    pub(super) input: CudaSlice<f32>,
    /// The values of each stage, `[batch, O]`.
    pub(super) values: Vec<CudaSlice<f32>>,
}

/// What a training needs besides.
pub(super) struct TrainingBuffers {
    pub(super) batch: usize,
    /// The products of each stage, `[batch, O]`.
    pub(super) products: Vec<CudaSlice<f32>>,
    /// Their gradients, `[batch, O]`.
    pub(super) gradients: Vec<CudaSlice<f32>>,
    /// The masks of all dropouts, `[batch, O]` each.
    pub(super) masks: CudaSlice<f32>,
}

impl Buffers {
    pub(super) fn new(device: &Device, program: &Program, batch: usize) -> Result<Buffers> {
        Ok(Buffers {
            batch,
            input: device.zeros(batch * program.features)?,
            values: of_stages(device, program, batch)?,
        })
    }
}

impl TrainingBuffers {
    pub(super) fn new(device: &Device, program: &Program, batch: usize) -> Result<TrainingBuffers> {
        let masks: usize = program.dropouts().map(|dropout| dropout.width).sum();
        Ok(TrainingBuffers {
            batch,
            products: of_stages(device, program, batch)?,
            gradients: of_stages(device, program, batch)?,
            masks: device.zeros(batch * masks)?,
        })
    }
}

/// For each stage `[batch, O]`.
fn of_stages(device: &Device, program: &Program, batch: usize) -> Result<Vec<CudaSlice<f32>>> {
    let stages = program.stages.iter();
    stages
        .map(|stage| device.zeros(batch * stage.outputs))
        .collect()
}
