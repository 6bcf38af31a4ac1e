//! [`Buffers`]: what a batch of some size needs on the device.

use cudarc::driver::CudaSlice;

use super::{device::Device, program::Program};
use crate::error::Result;

/// For a batch of up to `batch` samples.
pub(super) struct Buffers {
    pub(super) batch: usize,
    /// The features, `[batch, F]`.
    pub(super) input: CudaSlice<f32>,
    /// Of each stage: the products and the values, `[batch, O]`.
    pub(super) stages: Vec<StageBuffers>,
}

pub(super) struct StageBuffers {
    pub(super) products: CudaSlice<f32>,
    pub(super) values: CudaSlice<f32>,
}

/// What a training needs besides.
pub(super) struct TrainingBuffers {
    pub(super) batch: usize,
    /// The gradient of the products of each stage, `[batch, O]`.
    pub(super) gradients: Vec<CudaSlice<f32>>,
    /// The masks of all dropouts, `[batch, O]` each.
    pub(super) masks: CudaSlice<f32>,
}

impl Buffers {
    pub(super) fn new(device: &Device, program: &Program, batch: usize) -> Result<Buffers> {
        let stages = program.stages.iter().map(|stage| {
            Ok(StageBuffers {
                products: device.zeros(batch * stage.outputs)?,
                values: device.zeros(batch * stage.outputs)?,
            })
        });
        Ok(Buffers {
            batch,
            input: device.zeros(batch * program.features)?,
            stages: stages.collect::<Result<_>>()?,
        })
    }
}

impl TrainingBuffers {
    pub(super) fn new(device: &Device, program: &Program, batch: usize) -> Result<TrainingBuffers> {
        let stages = program.stages.iter();
        let gradients = stages.map(|stage| device.zeros(batch * stage.outputs));
        let masks: usize = program.dropouts().map(|dropout| dropout.width).sum();
        Ok(TrainingBuffers {
            batch,
            gradients: gradients.collect::<Result<_>>()?,
            masks: device.zeros(batch * masks)?,
        })
    }
}
