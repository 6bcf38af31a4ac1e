//! Operations on each value, which are fused into the layer before them.

use crate::plan::Op;

/// An operation on each value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elementwise {
    pub(crate) op: Op,
    /// Its index among the dropouts, if it is one.
    pub(crate) dropout: Option<usize>,
}

/// Whether there is only a ReLU.
pub(crate) fn is_relu(chain: &[Elementwise]) -> bool {
    matches!(chain, [Elementwise { op: Op::Relu, .. }])
}

/// Whether derivatives cannot be computed from the outputs.
pub(crate) fn stores_derivatives(chain: &[Elementwise]) -> bool {
    !chain.is_empty() && !is_relu(chain)
}
