//! Clipping by norm: the norm of the stored gradients of a step is computed before the optimiser uses them.
//!
//! The sum of squares is divided into pieces that depend only on the network. One worker computes each piece, and
//! every worker adds the pieces in the same order, so the norm is bitwise identical for any number of threads.

use std::ops::Range;

use crate::engine::{
    fused::{
        kernels::{Simd, SquareSum, dispatch},
        memory::{matrix::Matrix, shared::Shared},
        threads::{partition, pool::Worker},
    },
    run::clip_factor,
};

/// Rows of a block per piece: 8 kB of gradients.
const PIECE_ROWS: usize = 128;

/// The partial sums of the norm of a step's gradients: the sum of squares of each piece.
pub(crate) struct Squares(Shared<f64>);

/// Some rows of one block of a layer's gradients.
struct Piece {
    layer: usize,
    block: usize,
    rows: Range<usize>,
}

impl Squares {
    /// Those of these gradients, one for each parameter.
    pub(crate) fn new(gradients: &[Matrix]) -> Self {
        Squares(Shared::zeros(pieces(gradients).count()))
    }

    /// Computes the sums of this worker's pieces.
    ///
    /// # Safety
    /// No thread writes the gradients in this phase, and no other thread reads or writes this worker's sums.
    pub(crate) unsafe fn measure(&self, gradients: &[Matrix], simd: Simd, worker: &Worker<'_>) {
        let own = partition::some(worker, self.0.len());
        // SAFETY: pieces are partitioned.
        let squares = unsafe { self.0.slice_mut(own.clone()) };
        let pieces = pieces(gradients).skip(own.start);
        for (square, piece) in squares.iter_mut().zip(pieces) {
            let Piece { layer, block, rows } = piece;
            // SAFETY: guaranteed by the caller.
            let values = unsafe { gradients[layer].read(block..block + 1, rows) };
            *square = dispatch(simd, SquareSum { values });
        }
    }

    /// The factor for gradients whose norm is to be at most `max_norm`.
    ///
    /// # Safety
    /// All pieces have been measured, and no thread writes the sums in this phase.
    pub(crate) unsafe fn factor(&self, max_norm: f64) -> f32 {
        // SAFETY: guaranteed by the caller.
        let squares = unsafe { self.0.slice(0..self.0.len()) };
        clip_factor(max_norm, squares.iter().sum()) as f32
    }
}

fn pieces(gradients: &[Matrix]) -> impl Iterator<Item = Piece> {
    let layers = gradients.iter().enumerate();
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
