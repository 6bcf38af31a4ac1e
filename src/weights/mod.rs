//! Weights in memory (one flat, aligned buffer in the plan's order) and in files (`.safetensors` with PyTorch's keys).

#[cfg(feature = "train")]
mod adapt;
#[cfg(feature = "train")]
mod buffer;
#[cfg(feature = "train")]
mod file;
pub(crate) mod header;
#[cfg(feature = "train")]
mod init;
pub(crate) mod json;
mod mismatch;
pub(crate) mod names;
#[cfg(feature = "onnx")]
mod onnx;
pub(crate) mod place;
#[cfg(feature = "train")]
mod scale_outputs;
#[cfg(feature = "train")]
mod serde;

#[cfg(feature = "train")]
pub(crate) use self::{
    adapt::{adapt, is_unadapted, standardizes},
    buffer::{Parameters, RunningStatistics, batch_norms, names_of_classes},
    file::{Raw, not_safetensors, serialize, to_safetensors},
};
#[cfg(feature = "train")]
pub use self::{
    buffer::{Tensor, Weights, WeightsOf},
    file::{TensorShape, shapes},
    init::Init,
};
pub use mismatch::Mismatch;
