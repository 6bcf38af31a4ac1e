//! The update of the parameters of a layer by their gradients.

use super::{
    Lanes, Rule, load,
    optimizer::{AdamUpdate, DecayedAdam, MomentumUpdate, ParameterPtr, SgdUpdate, Store, Update},
};
use crate::engine::fused::memory::matrix::{BLOCK, ViewMut};

/// Some rows of some blocks of a layer's parameters, with their moments.
pub(crate) struct Parameters<'a> {
    pub(crate) weights: ViewMut<'a>,
    /// As many as the rule has.
    pub(crate) moments: [Option<ViewMut<'a>>; 2],
}

impl Parameters<'_> {
    /// Checks that there are that many blocks and rows, and the moments of `rule`.
    ///
    /// # Panics
    /// When the check fails.
    pub(super) fn check(&self, rule: &Rule, blocks: usize, rows: usize) {
        for part in self.parts(rule) {
            assert!(part.is_some_and(|part| part.blocks >= blocks && part.rows >= rows));
        }
    }

    /// The same, and that all are in the same layout, for [`Parameters::update_tile`].
    ///
    /// # Panics
    /// When the check fails, and when it is a table.
    pub(super) fn check_tiles(&self, rule: &Rule, blocks: usize, rows: usize) {
        self.check(rule, blocks, rows);
        let stride = self.weights.block_stride();
        let mut parts = self.parts(rule).flatten();
        assert!(parts.all(|part| part.block_stride() == stride));
    }

    /// The weights and the moments of `rule`.
    fn parts(&self, rule: &Rule) -> impl Iterator<Item = Option<&ViewMut<'_>>> {
        let kept = self.moments.iter().take(rule.moments());
        kept.map(Option::as_ref).chain([Some(&self.weights)])
    }

    /// The start of a row of a block.
    #[inline(always)]
    pub(super) fn place(&self, block: usize, row: usize) -> ParameterPtr {
        let moment = |moment: &Option<ViewMut<'_>>| match moment {
            Some(part) => part.at(block, row),
            None => std::ptr::null_mut(),
        };
        ParameterPtr {
            weights: self.weights.at(block, row),
            moments: self.moments.each_ref().map(moment),
        }
    }

    /// Updates `rows` rows of `blocks` blocks, starting with these, by their gradients, which are in rows of
    /// `blocks * 16`.
    ///
    /// # Safety
    /// [`Parameters::check_tiles`] has checked the rule, the blocks and the rows; there are that many gradients.
    #[inline(always)]
    pub(super) unsafe fn update_tile<S: Lanes>(
        &self,
        simd: S,
        rule: &Rule,
        (first_block, first_row): (usize, usize),
        (blocks, rows): (usize, usize),
        gradients: *const f32,
    ) {
        let tile = UpdateTile {
            place: self.place(first_block, first_row),
            block_stride: self.weights.block_stride(),
            blocks,
            rows,
            gradients,
        };
        rule.with(simd, tile);
    }
}

/// A computation that is generic over the [`Update`].
pub(super) trait WithUpdate<S: Lanes> {
    fn with<U: Update<S>>(self, simd: S, update: U);
}

struct UpdateTile {
    place: ParameterPtr,
    block_stride: usize,
    blocks: usize,
    rows: usize,
    gradients: *const f32,
}

impl<S: Lanes> WithUpdate<S> for UpdateTile {
    #[inline(always)]
    fn with<U: Update<S>>(self, simd: S, update: U) {
        for block in 0..self.blocks {
            let place = self.place.add(block * self.block_stride);
            for row in 0..self.rows {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    let from = (row * self.blocks + block) * BLOCK + lane;
                    // SAFETY: the caller of `update_tile` guarantees that gradients and parameters are there.
                    unsafe {
                        let gradient = load::<S>(self.gradients.wrapping_add(from));
                        update.apply(simd, place.add(row * BLOCK + lane), gradient);
                    }
                }
            }
        }
    }
}

impl Rule {
    /// Calls `with` with the update of this rule, its constants already in vectors.
    #[inline(always)]
    pub(super) fn with<S: Lanes>(&self, simd: S, then: impl WithUpdate<S>) {
        self.with_any(simd, self.decays(), then);
    }

    /// The same, with an update that can be that of other rules of the optimiser, too: if `decays`, of those that decay.
    #[inline(always)]
    pub(super) fn with_any<S: Lanes>(&self, simd: S, decays: bool, then: impl WithUpdate<S>) {
        let zero = simd.splat_f32s(0.0);
        match *self {
            Rule::Store => then.with(simd, Store),
            Rule::Sgd { .. } => {
                let update = SgdUpdate::<S> {
                    rate: zero,
                    decay: zero,
                };
                then.with(simd, update.by(simd, self));
            }
            Rule::Momentum { nesterov, .. } => {
                let update = MomentumUpdate::<S> {
                    rate: zero,
                    momentum: zero,
                    nesterov,
                    decay: zero,
                };
                then.with(simd, update.by(simd, self));
            }
            Rule::Adam { .. } => {
                let adam = AdamUpdate::<S> {
                    betas: [zero; 2],
                    complements: [zero; 2],
                    step: zero,
                    epsilon: zero,
                };
                if decays {
                    let update = DecayedAdam {
                        adam,
                        decay: zero,
                        keep: zero,
                    };
                    then.with(simd, update.by(simd, self));
                } else {
                    then.with(simd, adam.by(simd, self));
                }
            }
        }
    }
}
