//! Clipping by norm: the gradients of a step are stored, measured, and only then given to the optimiser.
//!
//! The sum of squares is made of pieces that depend on the network alone, each one member's, and every
//! member adds up all of them in their order: the norm's bits do not depend on the number of threads.

use std::ops::Range;

use super::{
    Core,
    kernels::{Apply, Rule, SquareSum, dispatch},
    matrix::Matrix,
    share,
    shared::Shared,
    state::zeros,
    team::{Broken, Member},
    training::Training,
};
use crate::engine::clip_factor;

/// Rows of a block to a piece: 8 kB of gradients.
const PIECE_ROWS: usize = 128;

/// The gradients of a step, and what their norm is made of.
pub(super) struct Stored {
    /// For each layer. Rows of features that never move are 0 from the beginning (see
    /// [`SparseWeightGradient::moving`](super::kernels::SparseWeightGradient::moving)), which is why
    /// these live and die with an optimiser's memory.
    gradients: Vec<Matrix>,
    /// For each piece, the sum of its squares.
    squares: Shared<f64>,
}

/// Some rows of one block of a layer's gradients.
struct Piece {
    layer: usize,
    block: usize,
    rows: Range<usize>,
}

impl Stored {
    pub(super) fn new(core: &Core) -> Self {
        let mut stored = Stored {
            gradients: zeros(core),
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

    /// Sums up this member's pieces.
    ///
    /// # Safety
    /// No thread writes the gradients in this phase, and none but this reads or writes its sums.
    unsafe fn measure(&self, core: &Core, member: &Member<'_>) {
        let own = share::some(member, self.squares.len());
        // SAFETY: pieces are shared out.
        let squares = unsafe { self.squares.slice_mut(own.clone()) };
        let pieces = self.pieces().skip(own.start);
        for (square, piece) in squares.iter_mut().zip(pieces) {
            let Piece { layer, block, rows } = piece;
            // SAFETY: the caller's.
            let values = unsafe { self.gradients[layer].read(block..block + 1, rows) };
            *square = dispatch(core.simd, SquareSum { values });
        }
    }
}

/// How gradients are clipped.
pub(super) struct Clipping<'a> {
    pub(super) stored: &'a Stored,
    pub(super) max_norm: f64,
}

impl Clipping<'_> {
    /// What the gradients are multiplied by.
    ///
    /// # Safety
    /// All pieces have been measured, and no thread writes the sums in this phase.
    unsafe fn factor(&self) -> f32 {
        let count = self.stored.squares.len();
        // SAFETY: the caller's.
        let squares = unsafe { self.stored.squares.slice(0..count) };
        clip_factor(self.max_norm, squares.iter().sum()).min(1.0) as f32
    }
}

impl Training<'_> {
    /// Stores the gradients, measures them, and gives them to the optimiser with the factor.
    ///
    /// # Safety
    /// As [`Training::update`].
    pub(super) unsafe fn clipped_update(
        &self,
        clipping: &Clipping<'_>,
        samples: &[u32],
        rule: Rule,
    ) -> Result<(), Broken> {
        let stored = clipping.stored;
        // SAFETY: between two meetings each of these writes what no other reads: gradients in shares of
        // columns, then the sums of pieces, then weights and moments in shares of columns.
        unsafe {
            self.update(samples, Rule::Store, [&stored.gradients, &[]]);
            self.member.meet()?;
            stored.measure(self.core, self.member);
            self.member.meet()?;
            let factor = clipping.factor();
            for at in (0..stored.gradients.len()).rev() {
                self.apply(at, &stored.gradients[at], factor, rule);
            }
        }
        Ok(())
    }

    /// Gives this member's share of layer `at`'s gradients to the optimiser.
    ///
    /// # Safety
    /// As [`Training::update`], and no thread writes the gradients in this phase.
    unsafe fn apply(&self, at: usize, gradients: &Matrix, factor: f32, rule: Rule) {
        let share = self.share_of_weights(at);
        // SAFETY: the caller's; shares are disjoint.
        let apply = unsafe {
            Apply {
                gradients: share.read(gradients),
                factor,
                inputs: share.rows.clone(),
                bias: self.core.program.layers[at].linear.inputs,
                moving: (at == 0).then_some(self.moving),
                rule,
                parameters: self.parameters(at, &share, self.moments),
            }
        };
        dispatch(self.core.simd, apply);
    }
}
