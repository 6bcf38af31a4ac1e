//! The buffers of an optimiser, which persist across steps.

use super::{clip::Squares, gradients::StoredGradients, pending::Pending};
use crate::{
    engine::fused::{kernels::WORD, memory::matrix::Matrix, program::Program},
    objective::OptimizerKind,
};

/// An optimiser's moments in the packed layout, with related state.
pub(crate) struct OptimizerBuffers {
    pub(crate) kind: OptimizerKind,
    /// For each moment that it keeps, a matrix for each layer.
    pub(crate) moments: [Vec<Matrix>; 2],
    /// Steps taken with these moments.
    pub(crate) steps: u64,
    /// The input features whose moments may be non-zero.
    pub(crate) active: Vec<u64>,
    /// Allocated when gradients are first clipped or added up over ranks.
    pub(crate) stored: Option<StoredGradients>,
    /// Allocated when gradients are first clipped.
    pub(crate) squares: Option<Squares>,
    pub(crate) pending: Pending,
}

impl OptimizerBuffers {
    /// The buffers after `steps` steps. A feature whose moments are all 0 has never been non-zero.
    pub(crate) fn new(
        program: &Program,
        kind: OptimizerKind,
        steps: u64,
        moments: [Vec<Matrix>; 2],
    ) -> Self {
        let mut active = vec![0; program.inputs.div_ceil(WORD)];
        // Only zeros of samples that may be bitmaps are skipped.
        let bitmaps = moments.iter().filter(|_| program.takes_bitmaps);
        for first in bitmaps.filter_map(|moment| moment.first()) {
            // SAFETY: the moments are owned here.
            let view = unsafe { first.view() };
            for feature in 0..view.rows - 1 {
                let mut blocks = 0..view.blocks;
                if blocks.any(|block| view.row(block, feature).iter().any(|&value| value != 0.0)) {
                    active[feature / WORD] |= 1 << (feature % WORD);
                }
            }
        }
        OptimizerBuffers {
            kind,
            moments,
            steps,
            active,
            stored: None,
            squares: None,
            pending: Pending::new(program),
        }
    }
}
