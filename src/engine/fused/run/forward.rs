//! A layer's outputs for a partition of its columns and a batch's rows; for training and for inference.

use super::{input::Input, model::Model};
use crate::engine::fused::{
    kernels::{Elementwise, Forward, SparseForward, dispatch},
    memory::matrix::{Matrix, ViewMut},
    program,
    threads::partition::Partition,
};

/// The output buffers of a partition.
pub(crate) struct Outputs<'a> {
    pub(crate) values: ViewMut<'a>,
    /// Only for a layer that stores derivatives, and only in training.
    pub(crate) derivatives: Option<ViewMut<'a>>,
    /// The masks of every dropout, if dropout is on.
    pub(crate) masks: Option<&'a [Matrix]>,
}

/// Layer `at` of the network for the partition `partition`; `input` has the partition's rows.
///
/// # Safety
/// No thread writes the weights, or the masks, until this returns.
pub(crate) unsafe fn layer(
    model: &Model,
    at: usize,
    partition: &Partition,
    input: Input<'_>,
    outputs: Outputs<'_>,
) {
    let layer = &model.program.layers[at];
    // SAFETY: guaranteed by the caller.
    let weights = unsafe { model.weights[layer.weights].view() };
    let weights = weights.within(partition.blocks.clone(), 0..weights.rows);
    let Outputs {
        mut values,
        derivatives,
        masks,
    } = outputs;
    let (output, relu) = (values.reborrow(), layer.is_relu());
    match input {
        Input::Dense(input) => {
            let forward = Forward {
                input,
                weights,
                output,
                relu,
            };
            dispatch(model.simd, forward);
        }
        Input::Sparse(batch, first) => {
            let forward = SparseForward {
                batch,
                samples: first..first + partition.rows.len(),
                weights,
                output,
                relu,
            };
            dispatch(model.simd, forward);
        }
    }
    if layer.stores_derivatives() {
        // SAFETY: guaranteed by the caller.
        unsafe { elementwise(model, &layer.then, partition, values, derivatives, masks) };
    }
}

/// Operations on the values of a partition, in place.
///
/// # Safety
/// No thread writes the masks until this returns.
pub(crate) unsafe fn elementwise(
    model: &Model,
    chain: &[program::Elementwise],
    partition: &Partition,
    values: ViewMut<'_>,
    derivatives: Option<ViewMut<'_>>,
    masks: Option<&[Matrix]>,
) {
    let mask = |dropout: usize| {
        // SAFETY: guaranteed by the caller.
        let mask = unsafe { masks?[dropout].view() };
        Some(mask.within(partition.blocks.clone(), partition.rows.clone()))
    };
    let elementwise = Elementwise {
        operations: chain,
        mask,
        values,
        derivatives,
    };
    dispatch(model.simd, elementwise);
}
