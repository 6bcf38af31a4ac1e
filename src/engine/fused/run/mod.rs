//! What the workers run: training steps and inference over the buffers that they need.
//!
//! ```text
//! context (the job at hand, and the buffers that live from job to job)
//!    ├─► training (a step, phase by phase) ─► forward, update, clip
//!    └─► inference (chunks of samples)     ─► forward
//! data: bitmap (a data set) ─► input (a batch of it)      live: one sample, on the caller's thread
//! ```

pub(crate) mod activations;
pub(crate) mod bitmap;
mod clip;
pub(crate) mod context;
mod forward;
pub(crate) mod inference;
mod input;
pub(crate) mod live;
pub(crate) mod model;
pub(crate) mod optimizer;
pub(crate) mod training;
