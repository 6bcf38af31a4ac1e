//! Optimisers as dfdx has them, with their state.

use std::mem::{Discriminant, discriminant};

use dfdx::{
    optim::{AdamConfig, Momentum, SgdConfig, WeightDecay},
    prelude::{Device, Gradients},
};

use super::forward::Layer;
use crate::train::Optimizer;

/// The optimiser's memory. dfdx keys buffers by tensor, so a `Gradients` holds one per parameter,
/// of zeros when first asked for.
pub(super) struct State<D: Device<f32>> {
    kind: Discriminant<Optimizer>,
    /// SGD's velocity, Adam's first moment.
    moment1: Gradients<f32, D>,
    /// Adam's second moment.
    moment2: Gradients<f32, D>,
    /// Steps taken with this state.
    steps: i32,
}

impl<D: Device<f32>> State<D> {
    /// The state for this kind of optimiser: the one at hand, or a fresh one.
    pub(super) fn of<'a>(state: &'a mut Option<Self>, optimizer: &Optimizer) -> &'a mut Self {
        let kind = discriminant(optimizer);
        if state.as_ref().is_some_and(|state| state.kind != kind) {
            *state = None;
        }
        state.get_or_insert_with(|| State {
            kind,
            moment1: Gradients::leaky(),
            moment2: Gradients::leaky(),
            steps: 0,
        })
    }

    /// One step: changes every parameter by its gradient.
    pub(super) fn update(
        &mut self,
        optimizer: &Optimizer,
        layers: &mut [Layer<D>],
        gradients: &mut Gradients<f32, D>,
    ) -> Result<(), D::Err> {
        self.steps += 1;
        match *optimizer {
            Optimizer::Sgd(sgd) => {
                let config = SgdConfig {
                    lr: sgd.learning_rate,
                    momentum: match (sgd.momentum, sgd.nesterov) {
                        (0.0, _) => None,
                        (momentum, false) => Some(Momentum::Classic(momentum)),
                        (momentum, true) => Some(Momentum::Nesterov(momentum)),
                    },
                    weight_decay: decay(sgd.weight_decay, WeightDecay::L2),
                };
                for Layer { weight, bias } in layers {
                    let gradient = gradients.get_or_alloc_mut(weight)?;
                    config.try_update(weight, self.moment1.get_or_alloc_mut(weight)?, gradient)?;
                    let gradient = gradients.get_or_alloc_mut(bias)?;
                    config.try_update(bias, self.moment1.get_or_alloc_mut(bias)?, gradient)?;
                }
                Ok(())
            }
            Optimizer::Adam(adam) => {
                let config = AdamConfig {
                    lr: adam.learning_rate,
                    betas: adam.betas,
                    eps: adam.epsilon,
                    weight_decay: decay(adam.weight_decay, WeightDecay::L2),
                };
                self.adam_step(&config, layers, gradients)
            }
            Optimizer::AdamW(adamw) => {
                let config = AdamConfig {
                    lr: adamw.learning_rate,
                    betas: adamw.betas,
                    eps: adamw.epsilon,
                    weight_decay: decay(adamw.weight_decay, WeightDecay::Decoupled),
                };
                self.adam_step(&config, layers, gradients)
            }
        }
    }

    fn adam_step(
        &mut self,
        config: &AdamConfig,
        layers: &mut [Layer<D>],
        gradients: &mut Gradients<f32, D>,
    ) -> Result<(), D::Err> {
        let State {
            moment1,
            moment2,
            steps,
            ..
        } = self;
        for Layer { weight, bias } in layers {
            let gradient = gradients.get_or_alloc_mut(weight)?;
            let (m, v) = (
                moment1.get_or_alloc_mut(weight)?,
                moment2.get_or_alloc_mut(weight)?,
            );
            config.try_update(*steps, weight, m, v, gradient)?;
            let gradient = gradients.get_or_alloc_mut(bias)?;
            let (m, v) = (
                moment1.get_or_alloc_mut(bias)?,
                moment2.get_or_alloc_mut(bias)?,
            );
            config.try_update(*steps, bias, m, v, gradient)?;
        }
        Ok(())
    }
}

fn decay(rate: f64, kind: fn(f64) -> WeightDecay) -> Option<WeightDecay> {
    (rate != 0.0).then(|| kind(rate))
}
