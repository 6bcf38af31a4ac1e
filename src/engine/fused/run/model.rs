//! [`Model`]: the program with its weights.

use crate::engine::fused::{kernels::Simd, memory::matrix::Matrix, program::Program};

/// Fixed for the lifetime of an engine, except for the values of the weights.
pub(crate) struct Model {
    pub(crate) program: Program,
    pub(crate) simd: Simd,
    /// For each layer, `[I + 1, O]`, the bias last.
    ///
    /// Only a training run writes them, and it holds the engine by `&mut`; so whoever holds the engine by
    /// `&` may read them.
    pub(crate) weights: Vec<Matrix>,
}
