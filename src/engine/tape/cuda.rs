//! [`Tape`] on an NVIDIA GPU.

use dfdx::prelude::{Cuda, TensorFromVec};

use super::{Batches, Tape, layer::Matrix};
use crate::{engine::gpu, error::Result, network::Network, weights::WeightsOf};

impl<N: Network> Tape<N, Cuda> {
    /// The network with these weights, on the NVIDIA GPU with this ordinal, from 0, in the driver's order
    /// (`CUDA_VISIBLE_DEVICES` selects the visible ones). It stays on the thread that created it.
    ///
    /// Batches are [`Batches::Gathered`], which is the faster of the two on a GPU; [`Tape::batches`] selects the other,
    /// for a data set that does not fit into the GPU's memory as `f32`.
    ///
    /// # Errors
    /// [`Error::NoDevice`](crate::Error::NoDevice) where there is no driver or no such GPU, or where one of the two
    /// cannot run the kernels in this program; [`Error::Device`](crate::Error::Device) when the device fails, for
    /// example when it is out of memory.
    pub fn cuda<W: WeightsOf<N>>(ordinal: usize, weights: W) -> Result<Self> {
        // dfdx panics without a GPU, so that is checked first
        let gpu = gpu::find(ordinal)?;
        let device = Cuda::try_build(ordinal, 0).map_err(|error| gpu.refused(&error))?;
        // a first kernel, as a driver rejects a kernel that is too new for it only when loading it
        let one: Result<Matrix<Cuda>, _> = device.try_tensor_from_vec(vec![1.0], (1, 1));
        one.and_then(|one| one.try_relu())
            .map_err(|error| gpu.refused(&error))?;
        let net = Self::named(device, gpu.to_string(), weights)?;
        Ok(net.batches(Batches::Gathered))
    }
}
