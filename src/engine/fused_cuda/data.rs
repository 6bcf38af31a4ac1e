//! [`Uploaded`]: a data set on the device.

use std::sync::Arc;

use cudarc::driver::{CudaSlice, DeviceRepr};

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
    /// What the kernels read, in these buffers.
    pub(super) arguments: Data,
    #[allow(dead_code, reason = "owned for the kernels")]
    buffers: (Vec<CudaSlice<u8>>, Vec<CudaSlice<f32>>),
}

impl Uploaded {
    pub(super) fn new(
        device: &Device,
        samples: &Arc<Samples>,
        widths: [usize; 2],
    ) -> Result<Uploaded> {
        let mut buffers = (Vec::new(), Vec::new());
        let mut bytes = |bytes: &[u8]| keep(device, bytes, &mut buffers.0);
        let mut values = |values: &[f32]| keep(device, values, &mut buffers.1);
        let mut arguments = Data::default();
        match &samples.features {
            FeatureValues::Bytes { bytes: all, scale } => {
                arguments.bytes = bytes(all)?;
                arguments.scale = *scale;
            }
            FeatureValues::Values(all) => arguments.values = values(all)?,
        }
        match &samples.targets {
            Targets::Labels(labels) => arguments.labels = bytes(labels)?,
            Targets::MultiLabels(bits) => arguments.bits = bytes(bits)?,
            Targets::Values(all) => arguments.targets = values(all)?,
        }
        if let Some(weights) = &samples.weights {
            arguments.weights = values(weights)?;
        }
        // another engine has another stream
        device.finish()?;
        Ok(Uploaded {
            device: device.name.clone(),
            widths,
            samples: Arc::clone(samples),
            arguments,
            buffers,
        })
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
}

/// Copies values to the device, and returns the address of the copy.
fn keep<T: DeviceRepr>(
    device: &Device,
    values: &[T],
    buffers: &mut Vec<CudaSlice<T>>,
) -> Result<Address> {
    let copy = device.copy(values)?;
    let address = device.address(&copy);
    buffers.push(copy);
    Ok(address)
}
