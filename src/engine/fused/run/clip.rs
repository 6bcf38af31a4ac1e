//! Clipping by norm: the gradients of a step are stored, measured, and only then given to the optimiser.
//!
//! The sum of squares is made of pieces that depend on the network alone, each computed by one worker, and every
//! worker adds them in the same order: the norm's bits do not depend on the number of threads.

use std::ops::Range;

use crate::engine::{
    fused::{
        kernels::{Simd, SquareSum, dispatch},
        memory::{matrix::Matrix, packed::zeros, shared::Shared},
        program::Program,
        threads::{partition, pool::Worker},
    },
    run::clip_factor,
};

/// Rows of a block to a piece: 8 kB of gradients.
const PIECE_ROWS: usize = 128;

/// The gradients of a step, and the partial sums of their norm.
pub(crate) struct StoredGradients {
    /// For each layer. Rows of inactive features are 0 from the beginning (see
    /// [`SparseWeightGradient::active`](crate::engine::fused::kernels::SparseWeightGradient::active)), which is why
    /// these belong to the optimiser's buffers.
    pub(crate) gradients: Vec<Matrix>,
    /// For each piece, the sum of its squares.
    squares: Shared<f64>,
}

/// Some rows of one block of a layer's gradients.
struct Piece {
    layer: usize,
    block: usize,
    rows: Range<usize>,
}

impl StoredGradients {
    pub(crate) fn new(program: &Program) -> Self {
        let mut stored = StoredGradients {
            gradients: zeros(program),
            squares: Shared::zeros(0),
        };
        stored.squares = Shared::zeros(stored.pieces().count());
        stored
    }

    fn pieces(&self) -> impl Iterator<Item = Piece> {
        let layers = self.gradients.iter().enumerate();
        layers.flat_map(|(layer, matrix)| {
            (0..matrix.blocks()).flat_map(move |block| {
                let starts = (0..matrix.rows()).step_by(PIECE_ROWS);
                starts.map(move |start| Piece {
                    layer,
                    block,
                    rows: start..matrix.rows().min(start + PIECE_ROWS),
                })
            })
        })
    }

    /// Sums up this worker's pieces.
    ///
    /// # Safety
    /// No thread writes the gradients in this phase, and none but this reads or writes its sums.
    pub(crate) unsafe fn measure(&self, simd: Simd, worker: &Worker<'_>) {
        let own = partition::some(worker, self.squares.len());
        // SAFETY: pieces are partitioned.
        let squares = unsafe { self.squares.slice_mut(own.clone()) };
        let pieces = self.pieces().skip(own.start);
        for (square, piece) in squares.iter_mut().zip(pieces) {
            let Piece { layer, block, rows } = piece;
            // SAFETY: the caller's.
            let values = unsafe { self.gradients[layer].read(block..block + 1, rows) };
            *square = dispatch(simd, SquareSum { values });
        }
    }
}

/// How gradients are clipped.
pub(crate) struct Clipping<'a> {
    pub(crate) stored: &'a StoredGradients,
    pub(crate) max_norm: f64,
}

impl Clipping<'_> {
    /// What the gradients are multiplied by.
    ///
    /// # Safety
    /// All pieces have been measured, and no thread writes the sums in this phase.
    pub(crate) unsafe fn factor(&self) -> f32 {
        let count = self.stored.squares.len();
        // SAFETY: the caller's.
        let squares = unsafe { self.stored.squares.slice(0..count) };
        clip_factor(self.max_norm, squares.iter().sum()) as f32
    }
}
