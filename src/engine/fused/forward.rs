//! A layer's outputs for a share of its columns and a batch's rows; for training and for inference.

use super::{
    Core,
    input::Input,
    kernels::{Elementwise, Forward, SparseForward, dispatch},
    matrix::{Matrix, Part, View},
    program,
    share::Share,
};
use crate::plan::{Op, Plan};

/// Where a share's outputs go.
pub(super) struct Outputs<'a> {
    pub(super) values: Part<'a>,
    /// Only for a layer that stores them, and only in training.
    pub(super) slopes: Option<Part<'a>>,
    /// The masks of every dropout, if dropout is on.
    pub(super) masks: Option<&'a [Matrix]>,
}

/// Layer `at` of the network for the share `share`; `input` has the share's rows.
///
/// # Safety
/// No thread writes the weights, or the masks, until this returns.
pub(super) unsafe fn layer(
    core: &Core,
    at: usize,
    share: &Share,
    input: Input<'_>,
    outputs: Outputs<'_>,
) {
    let layer = &core.program.layers[at];
    // SAFETY: the caller's.
    let weights = unsafe { core.weights[at].view() };
    let weights = weights.within(share.blocks.clone(), 0..weights.rows);
    let Outputs {
        mut values,
        slopes,
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
            dispatch(core.simd, forward);
        }
        Input::Sparse(batch, first) => {
            let forward = SparseForward {
                batch,
                samples: first..first + share.rows.len(),
                weights,
                output,
                relu,
            };
            dispatch(core.simd, forward);
        }
    }
    if layer.stores_slopes() {
        // SAFETY: the caller's.
        unsafe { elementwise(core, &layer.then, share, values, slopes, masks) };
    }
}

/// Operations on the values of a share, in place.
///
/// # Safety
/// No thread writes the masks until this returns.
pub(super) unsafe fn elementwise(
    core: &Core,
    chain: &[program::Elementwise],
    share: &Share,
    values: Part<'_>,
    slopes: Option<Part<'_>>,
    masks: Option<&[Matrix]>,
) {
    let mut operations: [(Op, Option<View<'_>>); Plan::CAPACITY] =
        [(Op::Relu, None); Plan::CAPACITY];
    let mut count = 0;
    for step in chain {
        let mask = match (step.dropout, masks) {
            (Some(dropout), Some(masks)) => {
                // SAFETY: the caller's.
                let mask = unsafe { masks[dropout].view() };
                Some(mask.within(share.blocks.clone(), share.rows.clone()))
            }
            (Some(_), None) => continue,
            (None, _) => None,
        };
        operations[count] = (step.op, mask);
        count += 1;
    }
    let elementwise = Elementwise {
        operations: &operations[..count],
        values,
        slopes,
    };
    dispatch(core.simd, elementwise);
}
