//! Optimisers: what a gradient does to a vector of parameters. Formulas and sources: [`Optimizer`].

use super::{Lanes, load, store};
use crate::{
    engine::fused::matrix::Part,
    train::{Adam, AdamW, Optimizer, Sgd},
};

/// Added to and taken from a running mean: what lies below its last digit (1e-37) becomes 0.
///
/// A parameter whose gradient stays 0 has a mean that shrinks for ever; below 1e-38 many
/// processors take a hundred times as long for each operation.
const FLUSH: f32 = 1e-30;
/// The least second moment: its root can be divided by, and is nothing beside any epsilon in use.
const LEAST: f32 = 1e-36;

/// One step of an optimiser, with all that does not depend on the parameter computed beforehand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::engine::fused) enum Rule {
    /// Changes nothing, and writes the gradient to the first moment.
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
        shares: [f32; 2],
        step: f32,
        epsilon: f32,
        /// What is added to the gradient for each unit of the parameter.
        decay: f32,
        /// What is left of the parameter before the step.
        keep: f32,
    },
}

impl Rule {
    /// Step number `t` (from 1) of `optimizer` with this learning rate.
    pub(in crate::engine::fused) fn new(optimizer: &Optimizer, learning_rate: f64, t: u64) -> Self {
        let adam = |betas: [f64; 2], epsilon: f64, decay: f64, keep: f64| {
            let correction = betas.map(|beta| 1.0 - beta.powf(t as f64));
            let root = correction[1].sqrt();
            Rule::Adam {
                betas: betas.map(|beta| beta as f32),
                shares: betas.map(|beta| (1.0 - beta) as f32),
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

    /// How many moments it keeps for each parameter.
    pub(in crate::engine::fused) fn moments(&self) -> usize {
        match self {
            Rule::Sgd { .. } => 0,
            Rule::Store | Rule::Momentum { .. } => 1,
            Rule::Adam { .. } => 2,
        }
    }

    /// Whether a parameter whose gradients were all 0 stays as it is.
    pub(in crate::engine::fused) fn rests(&self) -> bool {
        match *self {
            Rule::Store => false,
            Rule::Sgd { decay, .. } | Rule::Momentum { decay, .. } => decay == 0.0,
            Rule::Adam { decay, keep, .. } => decay == 0.0 && keep == 1.0,
        }
    }
}

/// Some rows of some blocks of a layer's parameters, with their moments.
pub(in crate::engine::fused) struct Parameters<'a> {
    pub(in crate::engine::fused) weights: Part<'a>,
    /// As many as the rule keeps.
    pub(in crate::engine::fused) moments: [Option<Part<'a>>; 2],
}

impl Parameters<'_> {
    /// # Panics
    /// When there are not that many blocks and rows in each.
    pub(super) fn check(&self, blocks: usize, rows: usize) {
        for part in [Some(&self.weights)]
            .into_iter()
            .chain(self.moments.each_ref().map(Option::as_ref))
        {
            assert!(part.is_none_or(|part| part.blocks >= blocks && part.rows >= rows));
        }
    }

    /// Changes the parameters at columns `lane..` of a row of a block by their gradient.
    ///
    /// # Safety
    /// [`Parameters::check`] has seen more blocks than `block` and more rows than `row`.
    ///
    /// # Panics
    /// When a moment that the rule keeps is not there.
    #[inline(always)]
    pub(super) unsafe fn update<S: Lanes>(
        &self,
        simd: S,
        rule: &Rule,
        (block, row, lane): (usize, usize, usize),
        gradient: S::f32s,
    ) {
        let splat = |value: f32| simd.splat_f32s(value);
        let place = |part: &Part<'_>| part.at(block, row).wrapping_add(lane);
        let moment = |at: usize| match &self.moments[at] {
            Some(part) => place(part),
            None => unreachable!("the rule has a moment that was not made"),
        };
        let flush = |mean| simd.sub_f32s(simd.add_f32s(mean, splat(FLUSH)), splat(FLUSH));
        let decayed = |gradient, weight, decay: f32| {
            if decay == 0.0 {
                gradient
            } else {
                simd.mul_add_e_f32s(splat(decay), weight, gradient)
            }
        };
        let w = place(&self.weights);
        // SAFETY: every pointer lies in its part, says the caller; the parts are this thread's own.
        unsafe {
            match *rule {
                Rule::Store => store::<S>(moment(0), gradient),
                Rule::Sgd { rate, decay } => {
                    let weight = load::<S>(w);
                    let gradient = decayed(gradient, weight, decay);
                    store::<S>(w, simd.negate_mul_add_e_f32s(splat(rate), gradient, weight));
                }
                Rule::Momentum {
                    rate,
                    momentum,
                    nesterov,
                    decay,
                } => {
                    let (weight, v) = (load::<S>(w), moment(0));
                    let gradient = decayed(gradient, weight, decay);
                    let velocity =
                        flush(simd.mul_add_e_f32s(splat(momentum), load::<S>(v), gradient));
                    store::<S>(v, velocity);
                    let step = if nesterov {
                        simd.mul_add_e_f32s(splat(momentum), velocity, gradient)
                    } else {
                        velocity
                    };
                    store::<S>(w, simd.negate_mul_add_e_f32s(splat(rate), step, weight));
                }
                Rule::Adam {
                    betas: [beta1, beta2],
                    shares: [share1, share2],
                    step,
                    epsilon,
                    decay,
                    keep,
                } => {
                    let (m, v) = (moment(0), moment(1));
                    let mut weight = load::<S>(w);
                    let gradient = decayed(gradient, weight, decay);
                    let new = simd.mul_f32s(splat(share1), gradient);
                    let mean = flush(simd.mul_add_e_f32s(splat(beta1), load::<S>(m), new));
                    store::<S>(m, mean);
                    let new = simd.mul_f32s(splat(share2), gradient);
                    let new = simd.mul_add_e_f32s(new, gradient, splat(LEAST));
                    let square = simd.mul_add_e_f32s(splat(beta2), load::<S>(v), new);
                    store::<S>(v, square);
                    if keep != 1.0 {
                        weight = simd.mul_f32s(splat(keep), weight);
                    }
                    let change =
                        simd.over_root(simd.mul_f32s(splat(step), mean), square, splat(epsilon));
                    store::<S>(w, simd.sub_f32s(weight, change));
                }
            }
        }
    }
}
