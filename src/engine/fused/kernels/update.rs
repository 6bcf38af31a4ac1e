//! Optimisers: the update of a vector of parameters by its gradient. Formulas and sources: [`Optimizer`].

use super::{Lanes, load, store};
use crate::{
    engine::fused::memory::matrix::{BLOCK, ViewMut},
    objective::{Adam, AdamW, Optimizer, Sgd},
};

/// Running means below this are flushed to 0.
///
/// While a parameter's gradient stays 0, its mean decays without end; operations on denormal numbers, below 1e-38,
/// take a hundred times as long on many processors, and the mean is still multiplied by the learning rate.
const MIN_MEAN: f32 = 1e-30;
/// The minimum of the second moment: its root is a valid divisor, and negligible compared with any epsilon in use.
const MIN_DENOMINATOR: f32 = 1e-36;

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

/// Pointers to a row of a block of parameters and to its moments; those of absent moments are dangling.
#[derive(Clone, Copy)]
pub(super) struct ParameterPtr {
    weights: *mut f32,
    moments: [*mut f32; 2],
}

impl ParameterPtr {
    #[inline(always)]
    pub(super) fn add(self, values: usize) -> ParameterPtr {
        ParameterPtr {
            weights: self.weights.wrapping_add(values),
            moments: self.moments.map(|moment| moment.wrapping_add(values)),
        }
    }
}

impl ParameterPtr {
    /// Whether the vector of parameters at this place remains unchanged, however often `rule` is applied with a gradient of
    /// 0: its moments are 0.
    ///
    /// # Safety
    /// The moments that the rule keeps are valid for reads of a vector.
    #[inline(always)]
    pub(super) unsafe fn is_at_rest<S: Lanes>(self, simd: S, rule: &Rule) -> bool {
        let mut moments = self.moments.iter().take(rule.moments());
        // SAFETY: guaranteed by the caller.
        let is_zero = |moment: &*mut f32| unsafe { simd.nonzero(load::<S>(*moment)) == 0 };
        rule.skips_inactive() && moments.all(is_zero)
    }
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

/// The update of a vector of parameters by its gradient.
pub(super) trait Update<S: Lanes>: Copy {
    /// # Safety
    /// The weights at `place`, and the moments that the rule keeps, are valid for reads and writes of
    /// a vector.
    unsafe fn apply(self, simd: S, place: ParameterPtr, gradient: S::f32s);
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

/// Flushes magnitudes below [`MIN_MEAN`] to 0; NaN remains.
#[inline(always)]
fn flush<S: Lanes>(simd: S, mean: S::f32s) -> S::f32s {
    let negligible = simd.less_than_f32s(simd.abs_f32s(mean), simd.splat_f32s(MIN_MEAN));
    simd.select_f32s(negligible, simd.splat_f32s(0.0), mean)
}

#[derive(Clone, Copy)]
struct Store;

impl<S: Lanes> Update<S> for Store {
    #[inline(always)]
    unsafe fn apply(self, _: S, place: ParameterPtr, gradient: S::f32s) {
        // SAFETY: guaranteed by the caller.
        unsafe { store::<S>(place.moments[0], gradient) };
    }
}

#[derive(Clone, Copy)]
struct SgdUpdate<S: Lanes> {
    rate: S::f32s,
    decay: S::f32s,
}

impl<S: Lanes> Update<S> for SgdUpdate<S> {
    #[inline(always)]
    unsafe fn apply(self, simd: S, place: ParameterPtr, gradient: S::f32s) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let weight = load::<S>(place.weights);
            let gradient = simd.mul_add_e_f32s(self.decay, weight, gradient);
            let weight = simd.minus_product(weight, self.rate, gradient);
            store::<S>(place.weights, weight);
        }
    }
}

#[derive(Clone, Copy)]
struct MomentumUpdate<S: Lanes> {
    rate: S::f32s,
    momentum: S::f32s,
    nesterov: bool,
    decay: S::f32s,
}

impl<S: Lanes> Update<S> for MomentumUpdate<S> {
    #[inline(always)]
    unsafe fn apply(self, simd: S, place: ParameterPtr, gradient: S::f32s) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let (weight, velocity) = (load::<S>(place.weights), load::<S>(place.moments[0]));
            let gradient = simd.mul_add_e_f32s(self.decay, weight, gradient);
            let velocity = simd.mul_add_e_f32s(self.momentum, velocity, gradient);
            let velocity = flush(simd, velocity);
            store::<S>(place.moments[0], velocity);
            let step = if self.nesterov {
                simd.mul_add_e_f32s(self.momentum, velocity, gradient)
            } else {
                velocity
            };
            store::<S>(place.weights, simd.minus_product(weight, self.rate, step));
        }
    }
}

#[derive(Clone, Copy)]
struct AdamUpdate<S: Lanes> {
    betas: [S::f32s; 2],
    complements: [S::f32s; 2],
    step: S::f32s,
    epsilon: S::f32s,
}

impl<S: Lanes> AdamUpdate<S> {
    /// The vector that is subtracted from the weights.
    ///
    /// # Safety
    /// As [`Update::apply`].
    #[inline(always)]
    unsafe fn change(self, simd: S, place: ParameterPtr, gradient: S::f32s) -> S::f32s {
        let [mean_at, square_at] = place.moments;
        // SAFETY: guaranteed by the caller.
        let (mean, square) = unsafe { (load::<S>(mean_at), load::<S>(square_at)) };
        let new = simd.mul_f32s(self.complements[0], gradient);
        let mean = flush(simd, simd.mul_add_e_f32s(self.betas[0], mean, new));
        let new = simd.mul_f32s(self.complements[1], gradient);
        let new = simd.mul_add_e_f32s(new, gradient, simd.splat_f32s(MIN_DENOMINATOR));
        let square = simd.mul_add_e_f32s(self.betas[1], square, new);
        // SAFETY: guaranteed by the caller.
        unsafe {
            store::<S>(mean_at, mean);
            store::<S>(square_at, square);
        }
        simd.over_root(simd.mul_f32s(self.step, mean), square, self.epsilon)
    }
}

impl<S: Lanes> Update<S> for AdamUpdate<S> {
    #[inline(always)]
    unsafe fn apply(self, simd: S, place: ParameterPtr, gradient: S::f32s) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let weight = load::<S>(place.weights);
            let change = self.change(simd, place, gradient);
            store::<S>(place.weights, simd.sub_f32s(weight, change));
        }
    }
}

/// [`AdamUpdate`] with weight decay of either kind.
#[derive(Clone, Copy)]
struct DecayedAdam<S: Lanes> {
    adam: AdamUpdate<S>,
    decay: S::f32s,
    keep: S::f32s,
}

impl<S: Lanes> Update<S> for DecayedAdam<S> {
    #[inline(always)]
    unsafe fn apply(self, simd: S, place: ParameterPtr, gradient: S::f32s) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let weight = load::<S>(place.weights);
            let gradient = simd.mul_add_e_f32s(self.decay, weight, gradient);
            let change = self.adam.change(simd, place, gradient);
            let weight = simd.mul_f32s(self.keep, weight);
            store::<S>(place.weights, simd.sub_f32s(weight, change));
        }
    }
}
