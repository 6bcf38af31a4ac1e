//! Backward and update of a step that several ranks compute together, each with a part of the batch: gradients are added up
//! over the ranks while the rest of the backward pass runs.
//!
//! The gradients of a layer's weights are stored as soon as those of its outputs are known, in the phase in which the gradients
//! of its inputs are computed, a large layer's in several phases. After the barrier, the first worker begins their sum. When
//! all are stored, the optimiser takes them piece by piece, each when its sum is there.
//!
//! | phase | writes | partition |
//! | --- | --- | --- |
//! | each piece of a layer | stored gradients; with the last, what back writes | columns |
//! | and of a normalisation | its sums over this rank's samples; over all samples | columns; the first worker |
//! | back of images, each stage | as alone | groups |
//! | store, images | stored gradients | columns; of a table, tokens |
//! | apply, each piece | weights and moments | columns |

use super::{Batch, Stored, Training};
use crate::engine::fused::{
    kernels::Rule,
    run::gradients::{Piece, Sums},
    threads::BrokenBarrier,
};

impl Training<'_> {
    /// # Safety
    /// As [`Training::update`].
    pub(super) unsafe fn exchanged_update(
        &self,
        stored: &Stored<'_>,
        sums: &Sums<'_>,
        batch: Batch<'_>,
        rule: Rule,
    ) -> Result<(), BrokenBarrier> {
        // SAFETY: between two barriers each of these writes what no other reads; a sum is begun after the barrier that
        // follows the phase of its gradients, and finished before the phase that reads it.
        unsafe {
            if batch.own.is_empty() {
                self.exchange_norms()?;
                if self.worker.index == 0 {
                    stored.gradients.clear();
                }
            } else {
                self.store_all(stored, sums, batch)?;
            }
            self.begin(sums, None);
            if stored.clipping.is_some() {
                for piece in &stored.gradients.pieces {
                    self.finish(sums, piece);
                }
                self.worker.barrier()?;
                return self.apply_clipped(stored, rule);
            }
            for piece in &stored.gradients.pieces {
                self.finish(sums, piece);
                self.worker.barrier()?;
                let gradients = &stored.gradients.gradients[piece.parameter];
                let blocks = Some(piece.blocks.clone());
                self.apply(piece.parameter, blocks, gradients, 1.0, rule, self.moments);
            }
        }
        Ok(())
    }

    /// The part in backward of a rank that has no sample: the other ranks wait for its sums of batch normalisations.
    ///
    /// # Safety
    /// As [`Training::update`].
    unsafe fn exchange_norms(&self) -> Result<(), BrokenBarrier> {
        let layers = 0..self.model.program.layers.len();
        for at in layers.rev().filter(|&at| self.has_whole_columns(at)) {
            // SAFETY: guaranteed by the caller.
            unsafe { self.back(at, &[])? };
        }
        match self.trained_images() {
            // SAFETY: as above.
            Some(images) => unsafe { self.back_images(images, 0) },
            None => Ok(()),
        }
    }

    /// Backward, whose gradients are stored and their sums begun, but for the last.
    ///
    /// # Safety
    /// As [`Training::update`].
    unsafe fn store_all(
        &self,
        stored: &Stored<'_>,
        sums: &Sums<'_>,
        batch: Batch<'_>,
    ) -> Result<(), BrokenBarrier> {
        // SAFETY: guaranteed by the caller; as in `exchanged_update`.
        unsafe {
            self.store_vectors(stored, sums, batch)?;
            if let Some(images) = self.trained_images() {
                self.back_images(images, batch.own.len())?;
                self.worker.barrier()?;
                let place = [&stored.gradients.gradients[..], &[]];
                let step = (batch.index, batch.own.len());
                self.update_images(images, step, Rule::Store, place);
                self.worker.barrier()?;
            }
        }
        Ok(())
    }

    /// Backward of the vectors, whose gradients are stored and their sums begun.
    ///
    /// # Safety
    /// As [`Training::update`].
    unsafe fn store_vectors(
        &self,
        stored: &Stored<'_>,
        sums: &Sums<'_>,
        batch: Batch<'_>,
    ) -> Result<(), BrokenBarrier> {
        let place = [&stored.gradients.gradients[..], &[]];
        let step = (batch.index, batch.own);
        let layers = &self.model.program.layers;
        // A layer whose gradient `back` has computed: it is stored in the next phase.
        let mut computed = None;
        for (at, layer) in layers.iter().enumerate().rev() {
            let pieces = layer.op.weights().filter(|_| self.is_stored_in_update(at));
            let mut pieces = pieces
                .into_iter()
                .flat_map(|at| stored.gradients.pieces_of(at))
                .peekable();
            // SAFETY: guaranteed by the caller; the gradient of the outputs is complete, and no phase before wrote these
            // gradients, or a sum of them that has begun.
            unsafe {
                if let Some(before) = computed.take() {
                    self.update_layer(before, None, step, Rule::Store, place);
                }
                loop {
                    let piece = pieces.next();
                    if let Some(piece) = piece {
                        let blocks = Some(piece.blocks.clone());
                        self.update_layer(at, blocks, step, Rule::Store, place);
                    }
                    let is_last = pieces.peek().is_none();
                    if is_last && self.has_back(at) {
                        self.back(at, batch.own)?;
                    }
                    self.worker.barrier()?;
                    if let Some(piece) = piece {
                        self.begin(sums, Some(piece));
                    }
                    if is_last {
                        break;
                    }
                }
            }
            computed = layer
                .op
                .weights()
                .filter(|_| !self.is_stored_in_update(at))
                .map(|_| at);
        }
        if let Some(before) = computed {
            // SAFETY: as above.
            unsafe { self.update_layer(before, None, step, Rule::Store, place) };
            self.worker.barrier()?;
        }
        Ok(())
    }

    /// # Safety
    /// As [`Sums::begin`].
    unsafe fn begin(&self, sums: &Sums<'_>, to: Option<&Piece>) {
        if self.worker.index == 0 {
            // SAFETY: guaranteed by the caller.
            unsafe { sums.begin(to) };
        }
    }

    fn finish(&self, sums: &Sums<'_>, piece: &Piece) {
        if self.worker.index == 0 {
            sums.finish(piece);
        }
    }
}
