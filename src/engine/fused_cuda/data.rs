//! [`Uploaded`]: a data set on the device.

use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream, DevicePtr, DeviceRepr};

use super::{
    arguments::{Address, Data},
    device::Device,
};
use crate::{
    data::{FeatureValues, Samples, Targets},
    engine::run::of_another_network,
    error::{Error, Result},
    network::Network,
    shape::Shape,
};

/// A data set as [`FusedCuda`](super::FusedCuda) reads it: features as bytes or values, targets, weights of samples.
#[derive(Debug)]
pub struct Uploaded {
    /// The device's name.
    device: String,
    /// The network's features and outputs.
    widths: [usize; 2],
    pub(super) samples: Arc<Samples>,
    bytes: Option<CudaSlice<u8>>,
    values: Option<CudaSlice<f32>>,
    labels: Option<CudaSlice<u8>>,
    bits: Option<CudaSlice<u8>>,
    targets: Option<CudaSlice<f32>>,
    weights: Option<CudaSlice<f32>>,
    scale: f32,
}

impl Uploaded {
    pub(super) fn new(
        device: &Device,
        samples: &Arc<Samples>,
        widths: [usize; 2],
    ) -> Result<Uploaded> {
        let mut uploaded = Uploaded {
            device: device.name.clone(),
            widths,
            samples: Arc::clone(samples),
            bytes: None,
            values: None,
            labels: None,
            bits: None,
            targets: None,
            weights: samples
                .weights
                .as_ref()
                .map(|weights| device.copy(weights))
                .transpose()?,
            scale: 0.0,
        };
        match &samples.features {
            FeatureValues::Bytes { bytes, scale } => {
                uploaded.bytes = Some(device.copy(bytes)?);
                uploaded.scale = *scale;
            }
            FeatureValues::Values(values) => uploaded.values = Some(device.copy(values)?),
        }
        match &samples.targets {
            Targets::Labels(labels) => uploaded.labels = Some(device.copy(labels)?),
            Targets::MultiLabels(bits) => uploaded.bits = Some(device.copy(bits)?),
            Targets::Values(values) => uploaded.targets = Some(device.copy(values)?),
        }
        // another engine has another stream
        device.finish()?;
        Ok(uploaded)
    }

    /// # Errors
    /// [`Error::Setting`] when it was uploaded to another device, or for other widths.
    pub(super) fn check<N: Network>(&self, device: &Device) -> Result<()> {
        if self.widths != [N::In::LEN, N::Output::LEN] {
            return Err(of_another_network::<N>(self.widths));
        }
        if self.device != device.name {
            return Err(Error::Setting {
                setting: "data set",
                expected: format!("one uploaded to {}", device.name),
                found: format!("one on {}", self.device),
            });
        }
        Ok(())
    }

    /// What the kernels read.
    pub(super) fn arguments(&self, stream: &CudaStream) -> Data {
        Data {
            bytes: address(stream, self.bytes.as_ref()),
            values: address(stream, self.values.as_ref()),
            labels: address(stream, self.labels.as_ref()),
            bits: address(stream, self.bits.as_ref()),
            targets: address(stream, self.targets.as_ref()),
            weights: address(stream, self.weights.as_ref()),
            scale: self.scale,
        }
    }
}

/// The address of a buffer, for work on this stream; null without one.
pub(super) fn address<T: DeviceRepr>(
    stream: &CudaStream,
    buffer: Option<&CudaSlice<T>>,
) -> Address {
    buffer.map_or(0, |buffer| buffer.device_ptr(stream).0)
}
