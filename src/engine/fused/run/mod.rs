//! The jobs of the workers: training steps and inference, with their buffers.
//!
//! ```text
//! context (the current job, and the buffers that persist across jobs)
//!    ├─► training (a step, phase by phase) ─► images, forward, update, clip
//!    └─► inference (chunks of samples)     ─► images, forward
//! data: bitmap (a data set) ─► input (a batch of it)      live: one sample, on the caller's thread
//! ```

pub(crate) mod activations;
pub(crate) mod bitmap;
mod clip;
pub(crate) mod context;
mod forward;
mod gradients;
pub(crate) mod images;
pub(crate) mod inference;
mod input;
pub(crate) mod live;
pub(crate) mod model;
mod norm;
pub(crate) mod optimizer;
pub(crate) mod pending;
mod prelu;
mod tokens;
pub(crate) mod training;
mod whole_batch;
