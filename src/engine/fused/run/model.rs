//! [`Model`]: the program with its weights.

use crate::engine::fused::{kernels::Simd, memory::matrix::Matrix, program::Program};

/// What never changes while an engine lives, but for the weights' values.
pub(crate) struct Model {
    pub(crate) program: Program,
    pub(crate) simd: Simd,
    /// For each layer, `[I + 1, O]`, the bias last.
    ///
    /// They are written by a training run alone, which holds the engine by `&mut`; so whoever holds
    /// it by `&` may read them.
    pub(crate) weights: Vec<Matrix>,
}
