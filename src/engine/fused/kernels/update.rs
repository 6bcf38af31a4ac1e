//! The update of the parameters of a layer by their gradients.

use super::{
    Lanes, load,
    optimizer::{AdamUpdate, DecayedAdam, MomentumUpdate, ParameterPtr, SgdUpdate, Store, Update},
};
use crate::{
    engine::fused::memory::matrix::{BLOCK, ViewMut},
    objective::{Adam, AdamW, Optimizer, Sgd},
};

/// One step of an optimiser, with everything that does not depend on the parameter precomputed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    /// Leaves the parameter unchanged, and writes the gradient to the first moment.
    Store,
    Sgd {
        rate: f32,
        decay: f32,
    },
    Momentum {
        rate: f32,
        momentum: f32,
        nesterov: bool,
        decay: f32,
    },
    /// `w = keep w - step m / (sqrt(v) + epsilon)`; bias corrections are in `step` and `epsilon`.
    Adam {
        betas: [f32; 2],
        /// `1 - beta` for each beta.
        complements: [f32; 2],
        step: f32,
        epsilon: f32,
        /// The coefficient of the parameter in the gradient: L2 weight decay.
        decay: f32,
        /// The factor of the parameter before the step: decoupled weight decay.
        keep: f32,
    },
}

impl Rule {
    /// Step number `t` (from 1) of `optimizer` with this learning rate.
    pub(crate) fn new(optimizer: &Optimizer, learning_rate: f64, t: u64) -> Self {
        let adam = |betas: [f64; 2], epsilon: f64, decay: f64, keep: f64| {
            let correction = betas.map(|beta| 1.0 - beta.powf(t as f64));
            let root = correction[1].sqrt();
            Rule::Adam {
                betas: betas.map(|beta| beta as f32),
                complements: betas.map(|beta| (1.0 - beta) as f32),
                step: (learning_rate / correction[0] * root) as f32,
                epsilon: (epsilon * root) as f32,
                decay: decay as f32,
                keep: keep as f32,
            }
        };
        match *optimizer {
            Optimizer::Sgd(Sgd {
                momentum: 0.0,
                weight_decay,
                ..
            }) => Rule::Sgd {
                rate: learning_rate as f32,
                decay: weight_decay as f32,
            },
            Optimizer::Sgd(Sgd {
                momentum,
                nesterov,
                weight_decay,
                ..
            }) => Rule::Momentum {
                rate: learning_rate as f32,
                momentum: momentum as f32,
                nesterov,
                decay: weight_decay as f32,
            },
            Optimizer::Adam(Adam {
                betas,
                epsilon,
                weight_decay,
                ..
            }) => adam(betas, epsilon, weight_decay, 1.0),
            Optimizer::AdamW(AdamW {
                betas,
                epsilon,
                weight_decay,
                ..
            }) => adam(betas, epsilon, 0.0, 1.0 - learning_rate * weight_decay),
        }
    }

    /// The number of moments for each parameter.
    pub(crate) fn moments(&self) -> usize {
        match self {
            Rule::Sgd { .. } => 0,
            Rule::Store | Rule::Momentum { .. } => 1,
            Rule::Adam { .. } => 2,
        }
    }

    /// Whether a parameter whose gradients were all 0 remains unchanged.
    pub(crate) fn skips_inactive(&self) -> bool {
        match *self {
            Rule::Store => false,
            Rule::Sgd { decay, .. } | Rule::Momentum { decay, .. } => decay == 0.0,
            Rule::Adam { decay, keep, .. } => decay == 0.0 && keep == 1.0,
        }
    }
}

/// Some rows of some blocks of a layer's parameters, with their moments.
pub(crate) struct Parameters<'a> {
    pub(crate) weights: ViewMut<'a>,
    /// As many as the rule has.
    pub(crate) moments: [Option<ViewMut<'a>>; 2],
}

impl Parameters<'_> {
    /// Checks that there are that many blocks and rows, and the moments of `rule`, all in the same layout.
    ///
    /// # Panics
    /// When the check fails.
    pub(super) fn check(&self, rule: &Rule, blocks: usize, rows: usize) {
        let kept = self.moments.iter().take(rule.moments());
        let parts = kept.map(Option::as_ref).chain([Some(&self.weights)]);
        for part in parts {
            assert!(part.is_some_and(|part| part.blocks >= blocks
                && part.rows >= rows
                && part.block_stride() == self.weights.block_stride()));
        }
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
    /// [`Parameters::check`] has checked the rule, the blocks and the rows; there are that many gradients.
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
        let splat = |value: f32| simd.splat_f32s(value);
        match *self {
            Rule::Store => then.with(simd, Store),
            Rule::Sgd { rate, decay } => {
                let (rate, decay) = (splat(rate), splat(decay));
                then.with(simd, SgdUpdate::<S> { rate, decay });
            }
            Rule::Momentum {
                rate,
                momentum,
                nesterov,
                decay,
            } => {
                let update = MomentumUpdate::<S> {
                    rate: splat(rate),
                    momentum: splat(momentum),
                    nesterov,
                    decay: splat(decay),
                };
                then.with(simd, update);
            }
            Rule::Adam {
                betas,
                complements,
                step,
                epsilon,
                decay,
                keep,
            } => {
                let update = AdamUpdate::<S> {
                    betas: betas.map(splat),
                    complements: complements.map(splat),
                    step: splat(step),
                    epsilon: splat(epsilon),
                };
                if decay == 0.0 && keep == 1.0 {
                    then.with(simd, update);
                } else {
                    let (decay, keep) = (splat(decay), splat(keep));
                    let update = DecayedAdam {
                        adam: update,
                        decay,
                        keep,
                    };
                    then.with(simd, update);
                }
            }
        }
    }
}
