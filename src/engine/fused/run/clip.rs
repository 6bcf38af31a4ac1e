//! Clipping by norm: the gradients of a step are stored and their norm is computed before the optimiser uses them.
//!
//! The sum of squares is divided into pieces that depend only on the network. One worker computes each piece, and
//! every worker adds the pieces in the same order, so the norm is bitwise identical for any number of threads.

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

/// Rows of a block per piece: 8 kB of gradients.
const PIECE_ROWS: usize = 128;

/// The gradients of a step, and the partial sums of their norm.
pub(crate) struct StoredGradients {
    /// For each layer. Rows of inactive features remain 0 (see
    /// [`SparseWeightGradient::active`](crate::engine::fused::kernels::SparseWeightGradient::active)), which is why
    /// these belong to the optimiser's buffers.
    pub(crate) gradients: Vec<Matrix>,
    /// The sum of squares of each piece.
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
            gradients: zeros(&program.parameters),
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

    /// Computes the sums of this worker's pieces.
    ///
    /// # Safety
    /// No thread writes the gradients in this phase, and no other thread reads or writes this worker's sums.
    pub(crate) unsafe fn measure(&self, simd: Simd, worker: &Worker<'_>) {
        let own = partition::some(worker, self.squares.len());
        // SAFETY: pieces are partitioned.
        let squares = unsafe { self.squares.slice_mut(own.clone()) };
        let pieces = self.pieces().skip(own.start);
        for (square, piece) in squares.iter_mut().zip(pieces) {
            let Piece { layer, block, rows } = piece;
            // SAFETY: guaranteed by the caller.
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
    /// The factor for the gradients.
    ///
    /// # Safety
    /// All pieces have been measured, and no thread writes the sums in this phase.
    pub(crate) unsafe fn factor(&self) -> f32 {
        let count = self.stored.squares.len();
        // SAFETY: guaranteed by the caller.
        let squares = unsafe { self.stored.squares.slice(0..count) };
        clip_factor(self.max_norm, squares.iter().sum()) as f32
    }
}
