//! [`Kernels`]: those of a network, by what they are for.

use cudarc::driver::CudaFunction;

use super::{device::Device, program::Program};
use crate::error::Result;

pub(super) struct Kernels {
    pub(super) gather_features: CudaFunction,
    pub(super) dropout: CudaFunction,
    pub(super) loss_of_samples: CudaFunction,
    pub(super) mean_losses: CudaFunction,
    pub(super) clip: CudaFunction,
    pub(super) apply: CudaFunction,
    pub(super) stages: Vec<StageKernels>,
}

pub(super) struct StageKernels {
    pub(super) forward: CudaFunction,
    pub(super) learn: CudaFunction,
    /// The first stage has none.
    pub(super) backward: Option<CudaFunction>,
}

impl Kernels {
    /// As `source.rs` names them.
    pub(super) fn new(device: &Device, program: &Program) -> Result<Kernels> {
        let stages = (0..program.stages.len()).map(|index| {
            let backward = (index > 0).then(|| device.kernel(&format!("backward_{index}")));
            Ok(StageKernels {
                forward: device.kernel(&format!("forward_{index}"))?,
                learn: device.kernel(&format!("learn_{index}"))?,
                backward: backward.transpose()?,
            })
        });
        Ok(Kernels {
            gather_features: device.kernel("gather_features")?,
            dropout: device.kernel("dropout")?,
            loss_of_samples: device.kernel("loss_of_samples")?,
            mean_losses: device.kernel("mean_losses")?,
            clip: device.kernel("clip")?,
            apply: device.kernel("apply")?,
            stages: stages.collect::<Result<_>>()?,
        })
    }
}
