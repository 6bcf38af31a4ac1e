//! [`Batch`]: a batch of a run, as the kernels of a step take it.

use super::arguments::{Address, Data, Loss as LossSettings};

/// A batch of a run.
pub(super) struct Batch<'a> {
    pub(super) data: Data,
    /// The address of its first sample's index.
    pub(super) order: Address,
    pub(super) len: usize,
    pub(super) loss: &'a LossSettings,
    pub(super) divisor: f32,
    /// The address of the losses of its samples.
    pub(super) losses: Address,
    /// For dropout: the seed of the training and the number of the step.
    pub(super) dropout: Option<(u64, u64)>,
}
