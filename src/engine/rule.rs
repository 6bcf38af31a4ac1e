//! [`Rule`]: one step of an optimiser.

use crate::objective::{Adam, AdamW, Optimizer, Sgd};

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
        !matches!(self, Rule::Store) && !self.decays()
    }

    /// Whether the weights themselves are in the formula of the step.
    pub(crate) fn decays(&self) -> bool {
        match *self {
            Rule::Store => false,
            Rule::Sgd { decay, .. } | Rule::Momentum { decay, .. } => decay != 0.0,
            Rule::Adam { decay, keep, .. } => decay != 0.0 || keep != 1.0,
        }
    }
}
