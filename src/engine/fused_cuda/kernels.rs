//! [`Kernels`]: those of a network, by what they are for.

use cudarc::driver::{CudaFunction, LaunchArgs};

use super::{
    device::Device,
    program::Program,
    source::{TILES, product_name},
};
use crate::error::Result;

pub(super) struct Kernels {
    pub(super) dropout: CudaFunction,
    pub(super) loss_of_samples: CudaFunction,
    pub(super) mean_losses: CudaFunction,
    pub(super) clip: CudaFunction,
    pub(super) apply: CudaFunction,
    pub(super) advance: CudaFunction,
    pub(super) stages: Vec<StageKernels>,
}

pub(super) struct StageKernels {
    pub(super) forward: Product,
    pub(super) learn: Product,
    /// The first stage has none.
    pub(super) backward: Option<Product>,
}

/// A product with tiles of each of [`TILES`].
pub(super) struct Product([CudaFunction; TILES.len()]);

impl Product {
    fn new(device: &Device, name: &str, stage: usize) -> Result<Product> {
        let [large, small] = TILES.map(|tile| device.kernel(&product_name(name, stage, tile)));
        Ok(Product([large?, small?]))
    }

    /// Computes so many rows and columns: with large tiles, which read less from memory, if they occupy every
    /// multiprocessor.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) when the device fails.
    pub(super) fn launch<'a>(
        &'a self,
        device: &'a Device,
        [rows, columns]: [usize; 2],
        arguments: impl FnOnce(&mut LaunchArgs<'a>),
    ) -> Result<()> {
        let blocks = |tile: usize| (columns.div_ceil(tile), rows.div_ceil(tile));
        let [large, small] = TILES.map(blocks);
        let (kernel, blocks) = match large.0 * large.1 >= device.multiprocessors {
            true => (&self.0[0], large),
            false => (&self.0[1], small),
        };
        device.launch(kernel, blocks, arguments)
    }
}

impl Kernels {
    /// As `source.rs` names them.
    pub(super) fn new(device: &Device, program: &Program) -> Result<Kernels> {
        let stages = (0..program.stages.len()).map(|index| {
            let product = |name: &str| Product::new(device, name, index);
            Ok(StageKernels {
                forward: product("forward")?,
                learn: product("learn")?,
                backward: (index > 0).then(|| product("backward")).transpose()?,
            })
        });
        Ok(Kernels {
            dropout: device.kernel("dropout")?,
            loss_of_samples: device.kernel("loss_of_samples")?,
            mean_losses: device.kernel("mean_losses")?,
            clip: device.kernel("clip")?,
            apply: device.kernel("apply")?,
            advance: device.kernel("advance")?,
            stages: stages.collect::<Result<_>>()?,
        })
    }
}
