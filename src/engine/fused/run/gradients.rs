//! The gradients of a step, stored before the optimiser uses them: to be clipped, or added up over several ranks.

use std::{cell::Cell, ops::Range, ptr::NonNull, sync::Arc};

use crate::engine::{
    fused::{
        memory::{
            matrix::{BLOCK, Matrix},
            shared::Shared,
        },
        program::Program,
    },
    ranks::{Exchange, Ranks},
};

/// The values of a piece of a gradient, or those of a block of columns where that has more. Ranks add up a piece while they
/// compute the next: large enough to take longer than a message costs to begin, small enough that the last one, which nothing
/// hides, is a small part.
const PIECE_LEN: usize = 1 << 16;

/// The gradients of a step, in one buffer, in the order in which a step computes them: from the last layer to the first, then
/// those of images.
pub(crate) struct StoredGradients {
    /// For each parameter of the program. Rows of inactive features remain 0 (see
    /// [`SparseWeightGradient::active`](crate::engine::fused::kernels::SparseWeightGradient::active)), which is why
    /// these belong to the optimiser's buffers.
    pub(crate) gradients: Vec<Matrix>,
    /// In the order of the buffer.
    pub(crate) pieces: Vec<Piece>,
    values: Arc<Shared<f32>>,
    /// Where the buffer is divided in parts, the sums of each of which are begun at once; the last is its end.
    cuts: Vec<usize>,
    /// The number of ranks that add up equal parts of the buffer.
    pub(crate) ranks: usize,
}

/// Blocks of columns of the gradient of a parameter.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) parameter: usize,
    pub(crate) blocks: Range<usize>,
    /// The end of its values in the buffer.
    end: usize,
}

impl StoredGradients {
    pub(crate) fn new(program: &Program, ranks: &Ranks) -> Self {
        let shapes = program.parameters.iter().map(|step| {
            let [outputs, inputs] = step.weight_matrix();
            [inputs + 1, outputs]
        });
        let shapes: Vec<_> = shapes.collect();
        let len: usize = shapes
            .iter()
            .map(|&[rows, columns]| Matrix::len(rows, columns))
            .sum();
        let values = Arc::new(Shared::zeros(len.next_multiple_of(ranks.count())));
        let (mut starts, mut pieces, mut start) = (vec![0; shapes.len()], Vec::new(), 0);
        for parameter in program.backward_order() {
            let [rows, columns] = shapes[parameter];
            starts[parameter] = start;
            let blocks = columns.div_ceil(BLOCK);
            let block_len = Matrix::len(rows, columns) / blocks.max(1);
            let most = (PIECE_LEN / block_len.max(1)).max(1);
            for first in (0..blocks).step_by(most) {
                let blocks = first..blocks.min(first + most);
                pieces.push(Piece {
                    parameter,
                    end: start + blocks.end * block_len,
                    blocks,
                });
            }
            start += Matrix::len(rows, columns);
        }
        let mut cuts = vec![0];
        for piece in &pieces {
            let end = piece.end / ranks.count() * ranks.count();
            if end - cuts[cuts.len() - 1] >= PIECE_LEN / 2 {
                cuts.push(end);
            }
        }
        if cuts[cuts.len() - 1] < values.len() {
            cuts.push(values.len());
        }
        let gradients = starts.iter().zip(shapes);
        let gradients = gradients.map(|(&start, shape)| Matrix::within(&values, start, shape));
        StoredGradients {
            gradients: gradients.collect(),
            pieces,
            values,
            cuts,
            ranks: ranks.count(),
        }
    }

    /// Makes all gradients 0: those of a rank that has no sample of a batch.
    ///
    /// # Safety
    /// No other thread reads or writes them in this phase.
    pub(crate) unsafe fn clear(&self) {
        // SAFETY: guaranteed by the caller.
        unsafe { self.values.slice_mut(0..self.values.len()) }.fill(0.0);
    }

    /// The pieces of the gradient of a parameter.
    pub(crate) fn pieces_of(&self, parameter: usize) -> impl Iterator<Item = &Piece> {
        let pieces = self.pieces.iter();
        pieces.filter(move |piece| piece.parameter == parameter)
    }
}

/// The sums of a step's gradients over all ranks, as the worker that communicates has them.
pub(crate) struct Sums<'a> {
    stored: &'a StoredGradients,
    exchange: &'a dyn Exchange,
    /// Whether this is the last step before the state of the training is read.
    is_last: bool,
    /// The parts whose sums have begun.
    begun: Cell<usize>,
}

impl<'a> Sums<'a> {
    pub(crate) fn new(
        stored: &'a StoredGradients,
        exchange: &'a dyn Exchange,
        is_last: bool,
    ) -> Self {
        Sums {
            stored,
            exchange,
            is_last,
            begun: Cell::new(0),
        }
    }

    /// Begins the sums of the parts of the buffer before the end of a piece; without a piece, of all.
    ///
    /// # Safety
    /// These gradients are stored, and no thread reads or writes them before [`Sums::finish`].
    pub(crate) unsafe fn begin(&self, to: Option<&Piece>) {
        let end = to.map_or(self.stored.values.len(), |piece| piece.end);
        let parts = self.stored.cuts.windows(2).skip(self.begun.get());
        for part in parts.take_while(|part| part[1] <= end) {
            // SAFETY: guaranteed by the caller.
            let values = unsafe { self.stored.values.slice_mut(part[0]..part[1]) };
            // SAFETY: as above.
            unsafe {
                self.exchange
                    .begin_sum(NonNull::from(values), part[0], self.is_last)
            };
            self.begun.set(self.begun.get() + 1);
        }
        self.exchange.progress();
    }

    /// Waits for the sums of the values of a piece and of all before it.
    pub(crate) fn finish(&self, piece: &Piece) {
        self.exchange.finish_sums(piece.end);
    }
}
