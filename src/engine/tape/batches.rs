//! How batches are assembled: on the host and uploaded, or gathered on the device.

use std::sync::Arc;

use dfdx::prelude::{Device, GatherTo, Tensor};

use super::layer::Matrix;
use crate::data::Samples;

/// Where [`Tape`](super::Tape) assembles its batches. The results are bitwise identical.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batches {
    /// On the host; each batch is uploaded. The data set is shared, not copied. The default on the CPU.
    #[default]
    Uploaded,
    /// On the device: the whole data set is uploaded once, as `f32`, and each batch is gathered from it by sample
    /// index. The default on a GPU.
    Gathered,
}

/// A data set as [`Tape`](super::Tape) reads it.
#[derive(Clone, Debug)]
pub struct Uploaded<D: Device<f32>> {
    samples: Arc<Samples>,
    on_device: Option<OnDevice<D>>,
}

/// All features, `[samples, I]`, and all targets, `[samples, C]`.
#[derive(Clone, Debug)]
struct OnDevice<D: Device<f32>> {
    features: Matrix<D>,
    targets: Matrix<D>,
}

impl<D: Device<f32>> Uploaded<D> {
    pub(super) fn new(
        device: &D,
        batches: Batches,
        samples: &Arc<Samples>,
        width: usize,
        classes: usize,
    ) -> Result<Self, D::Err> {
        let mut data = Uploaded {
            samples: Arc::clone(samples),
            on_device: None,
        };
        if batches == Batches::Gathered {
            let all: Vec<u32> = (0..samples.len as u32).collect();
            let features = data.features(device, &all, width)?;
            let targets = data.targets(device, &all, classes)?;
            data.on_device = Some(OnDevice { features, targets });
        }
        Ok(data)
    }

    pub(super) fn len(&self) -> usize {
        self.samples.len
    }

    pub(super) fn samples(&self) -> &Samples {
        &self.samples
    }

    /// The features of the samples `order`, `[order.len(), width]`.
    pub(super) fn features(
        &self,
        device: &D,
        order: &[u32],
        width: usize,
    ) -> Result<Matrix<D>, D::Err> {
        if let Some(all) = &self.on_device {
            return gathered(device, &all.features, order);
        }
        let mut features = vec![0.0; order.len() * width];
        self.samples.features.gather(width, order, &mut features);
        device.try_tensor_from_vec(features, (order.len(), width))
    }

    /// The targets of the samples `order`, `[order.len(), classes]`.
    pub(super) fn targets(
        &self,
        device: &D,
        order: &[u32],
        classes: usize,
    ) -> Result<Matrix<D>, D::Err> {
        if let Some(all) = &self.on_device {
            return gathered(device, &all.targets, order);
        }
        let mut targets = vec![0.0; order.len() * classes];
        self.samples.targets.gather(classes, order, &mut targets);
        device.try_tensor_from_vec(targets, (order.len(), classes))
    }
}

/// The rows `order` of `all`.
fn gathered<D: Device<f32>>(
    device: &D,
    all: &Matrix<D>,
    order: &[u32],
) -> Result<Matrix<D>, D::Err> {
    let rows = order.iter().map(|&sample| sample as usize).collect();
    let rows: Tensor<(usize,), usize, D> = device.try_tensor_from_vec(rows, (order.len(),))?;
    all.clone().try_gather(rows)
}
