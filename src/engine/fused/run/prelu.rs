//! The slopes of a parametric ReLU.

use super::model::Model;
use crate::engine::fused::{kernels::PerLane, memory::matrix::BLOCK, program::PRelu};

/// A slope.
///
/// # Safety
/// No thread writes the weights in this phase.
pub(crate) unsafe fn slope(model: &Model, prelu: &PRelu, at: usize) -> f32 {
    // SAFETY: guaranteed by the caller.
    unsafe { model.weights[prelu.weights].view() }.row(at / BLOCK, 0)[at % BLOCK]
}

/// The slopes of a block of columns of a vector, one for each lane; 0 beyond the last of `columns`.
///
/// # Safety
/// As [`slope`].
pub(crate) unsafe fn per_lane(
    model: &Model,
    prelu: &PRelu,
    block: usize,
    columns: usize,
) -> PerLane {
    std::array::from_fn(|lane| match block * BLOCK + lane {
        // SAFETY: guaranteed by the caller.
        column if column < columns => unsafe {
            slope(model, prelu, prelu.slope_of(column, columns))
        },
        _ => 0.0,
    })
}
