//! [`TapeDevice`]: the devices of [`Tape`](super::Tape).

use std::sync::Arc;

#[cfg(feature = "cuda")]
use dfdx::prelude::Cuda;
use dfdx::prelude::{Cpu, Device};

use super::{batches::Uploaded, model::Model, update::Snapshot};
use crate::{
    data::Samples,
    engine::{Ranks, Run},
    error::Result,
    objective::Loss,
    plan::Plan,
    weights::RunningStatistics,
};

/// A device of dfdx on which [`Tape`](super::Tape) runs: [`Cpu`], and with the feature `cuda` an NVIDIA GPU.
///
/// Its functions are those of `Model`. A generic function is compiled in the crate that calls it, so each program would
/// compile dfdx's operations again, and with its own optimisation level. A function of `Cpu` is compiled with this crate.
pub trait TapeDevice: Device<f32> {
    #[doc(hidden)]
    fn new(
        device: Self,
        name: String,
        plan: &'static Plan,
        widths: [usize; 2],
        weights: &[f32],
        running: RunningStatistics,
    ) -> Result<Model<Self>>;
    #[doc(hidden)]
    fn upload(model: &Model<Self>, samples: &Arc<Samples>) -> Result<Uploaded<Self>>;
    #[doc(hidden)]
    fn gradient(
        model: &Model<Self>,
        data: &Uploaded<Self>,
        order: &[u32],
        loss: Loss,
    ) -> Result<(f32, Vec<f32>)>;
    #[doc(hidden)]
    fn train(
        model: &mut Model<Self>,
        data: &Uploaded<Self>,
        run: &Run<'_>,
        ranks: &Ranks,
        losses: &mut Vec<f32>,
    ) -> Result<()>;
    #[doc(hidden)]
    fn logits(model: &Model<Self>, data: &Uploaded<Self>, order: &[u32]) -> Result<Vec<f32>>;
    #[doc(hidden)]
    fn logits_of(model: &Model<Self>, features: &[f32]) -> Result<Vec<f32>>;
    #[doc(hidden)]
    fn saliencies(model: &Model<Self>, features: &[f32], classes: &[usize]) -> Result<Vec<f32>>;
    #[doc(hidden)]
    fn weights(model: &Model<Self>) -> Result<Vec<f32>>;
    #[doc(hidden)]
    fn snapshot(model: &Model<Self>) -> Result<Option<Snapshot>>;
    #[doc(hidden)]
    fn restore(model: &mut Model<Self>, weights: &[f32], snapshot: Option<Snapshot>) -> Result<()>;
}

/// Implements [`TapeDevice`] for one device, whose computations `$within` calls.
macro_rules! device {
    ($device:ty, $within:path) => {
        impl TapeDevice for $device {
            fn new(
                device: Self,
                name: String,
                plan: &'static Plan,
                widths: [usize; 2],
                weights: &[f32],
                running: RunningStatistics,
            ) -> Result<Model<Self>> {
                let device_name = name.clone();
                $within(&device_name, || {
                    Model::new(device, name, plan, widths, weights, running)
                })
            }
            fn upload(model: &Model<Self>, samples: &Arc<Samples>) -> Result<Uploaded<Self>> {
                $within(&model.device_name, || Model::upload(model, samples))
            }
            fn gradient(
                model: &Model<Self>,
                data: &Uploaded<Self>,
                order: &[u32],
                loss: Loss,
            ) -> Result<(f32, Vec<f32>)> {
                $within(&model.device_name, || {
                    Model::gradient(model, data, order, loss)
                })
            }
            fn train(
                model: &mut Model<Self>,
                data: &Uploaded<Self>,
                run: &Run<'_>,
                ranks: &Ranks,
                losses: &mut Vec<f32>,
            ) -> Result<()> {
                let device_name = model.device_name.clone();
                $within(&device_name, || {
                    Model::train(model, data, run, ranks, losses)
                })
            }
            fn logits(
                model: &Model<Self>,
                data: &Uploaded<Self>,
                order: &[u32],
            ) -> Result<Vec<f32>> {
                $within(&model.device_name, || Model::logits(model, data, order))
            }
            fn logits_of(model: &Model<Self>, features: &[f32]) -> Result<Vec<f32>> {
                $within(&model.device_name, || Model::logits_of(model, features))
            }
            fn saliencies(
                model: &Model<Self>,
                features: &[f32],
                classes: &[usize],
            ) -> Result<Vec<f32>> {
                $within(&model.device_name, || {
                    Model::saliencies(model, features, classes)
                })
            }
            fn weights(model: &Model<Self>) -> Result<Vec<f32>> {
                $within(&model.device_name, || Ok(Model::weights(model)))
            }
            fn snapshot(model: &Model<Self>) -> Result<Option<Snapshot>> {
                $within(&model.device_name, || Model::snapshot(model))
            }
            fn restore(
                model: &mut Model<Self>,
                weights: &[f32],
                snapshot: Option<Snapshot>,
            ) -> Result<()> {
                let device_name = model.device_name.clone();
                $within(&device_name, || Model::restore(model, weights, snapshot))
            }
        }
    };
}

/// On the CPU dfdx returns every error.
fn called<T>(_device: &str, compute: impl FnOnce() -> Result<T>) -> Result<T> {
    compute()
}

device!(Cpu, called);
#[cfg(feature = "cuda")]
device!(Cuda, super::guard::guarded);
