//! [`TapeDevice`]: the devices of [`Tape`](super::Tape).

use std::sync::Arc;

#[cfg(feature = "cuda")]
use dfdx::prelude::Cuda;
use dfdx::prelude::{Cpu, Device};

use super::{
    batches::Uploaded,
    model::{Model, Snapshot},
};
use crate::{data::Samples, engine::Run, error::Result, objective::Loss, plan::Plan};

/// Declares the functions of [`TapeDevice`], and implements each by [`Model`]'s of the same name.
///
/// A generic function is compiled in the crate that calls it: each program would compile dfdx's operations again, and each
/// with its own optimisation level. A function of `Cpu` is compiled with this crate.
macro_rules! functions {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {
        /// A device of dfdx on which [`Tape`](super::Tape) runs: [`Cpu`], and with the feature `cuda` an NVIDIA GPU.
        pub trait TapeDevice: Device<f32> {
            $(#[doc(hidden)] fn $name($($argument: $type),*) -> $output;)*
        }

        impl TapeDevice for Cpu {
            $(fn $name($($argument: $type),*) -> $output { Model::$name($($argument),*) })*
        }

        #[cfg(feature = "cuda")]
        impl TapeDevice for Cuda {
            $(fn $name($($argument: $type),*) -> $output { Model::$name($($argument),*) })*
        }
    };
}

functions! {
    fn new(
        device: Self, name: String, plan: &'static Plan, widths: [usize; 2], weights: &[f32]
    ) -> Result<Model<Self>>;
    fn upload(model: &Model<Self>, samples: &Arc<Samples>) -> Result<Uploaded<Self>>;
    fn gradient(
        model: &Model<Self>, data: &Uploaded<Self>, order: &[u32], loss: Loss
    ) -> Result<(f32, Vec<f32>)>;
    fn train(
        model: &mut Model<Self>, data: &Uploaded<Self>, run: &Run<'_>, losses: &mut Vec<f32>
    ) -> Result<()>;
    fn logits(model: &Model<Self>, data: &Uploaded<Self>, order: &[u32]) -> Result<Vec<f32>>;
    fn logits_of(model: &Model<Self>, features: &[f32]) -> Result<Vec<f32>>;
    fn saliencies(model: &Model<Self>, features: &[f32], classes: &[usize]) -> Result<Vec<f32>>;
    fn weights(model: &Model<Self>) -> Vec<f32>;
    fn snapshot(model: &Model<Self>) -> Result<Option<Snapshot>>;
    fn restore(model: &mut Model<Self>, weights: &[f32], snapshot: Option<Snapshot>) -> Result<()>;
}
