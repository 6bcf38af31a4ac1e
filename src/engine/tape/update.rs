//! Optimisers as dfdx has them, with their state.

use dfdx::optim::{AdamConfig, Momentum, SgdConfig, WeightDecay};
use dfdx::prelude::{Device, Gradients};

use super::forward::Layer;
use crate::train::Optimizer;

/// The optimiser's memory. dfdx keys buffers by tensor, so a `Gradients` holds one per parameter.
pub(super) enum State<D: Device<f32>> {
    Sgd {
        velocity: Gradients<f32, D>,
    },
    Adam {
        moment1: Gradients<f32, D>,
        moment2: Gradients<f32, D>,
        steps: i32,
    },
}

impl<D: Device<f32>> State<D> {
    /// The state for this kind of optimiser: the one at hand, or a fresh one of zeros.
    pub(super) fn of<'a>(state: &'a mut Option<Self>, optimizer: &Optimizer) -> &'a mut Self {
        let fits = matches!(
            (&state, optimizer),
            (Some(State::Sgd { .. }), Optimizer::Sgd(_))
                | (
                    Some(State::Adam { .. }),
                    Optimizer::Adam(_) | Optimizer::AdamW(_)
                )
        );
        if !fits {
            *state = None;
        }
        state.get_or_insert_with(|| match optimizer {
            Optimizer::Sgd(_) => State::Sgd {
                velocity: Gradients::leaky(),
            },
            Optimizer::Adam(_) | Optimizer::AdamW(_) => State::Adam {
                moment1: Gradients::leaky(),
                moment2: Gradients::leaky(),
                steps: 0,
            },
        })
    }

    /// One step: changes every parameter by its gradient.
    pub(super) fn update(
        &mut self,
        optimizer: &Optimizer,
        layers: &mut [Layer<D>],
        gradients: &mut Gradients<f32, D>,
    ) -> Result<(), D::Err> {
        match (self, optimizer) {
            (State::Sgd { velocity }, Optimizer::Sgd(sgd)) => {
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
                    config.try_update(weight, velocity.get_or_alloc_mut(weight)?, gradient)?;
                    let gradient = gradients.get_or_alloc_mut(bias)?;
                    config.try_update(bias, velocity.get_or_alloc_mut(bias)?, gradient)?;
                }
            }
            (
                State::Adam {
                    moment1,
                    moment2,
                    steps,
                },
                &Optimizer::Adam(adam),
            ) => {
                let config = AdamConfig {
                    lr: adam.learning_rate,
                    betas: adam.betas,
                    eps: adam.epsilon,
                    weight_decay: decay(adam.weight_decay, WeightDecay::L2),
                };
                adam_step(&config, steps, moment1, moment2, layers, gradients)?;
            }
            (
                State::Adam {
                    moment1,
                    moment2,
                    steps,
                },
                &Optimizer::AdamW(adamw),
            ) => {
                let config = AdamConfig {
                    lr: adamw.learning_rate,
                    betas: adamw.betas,
                    eps: adamw.epsilon,
                    weight_decay: decay(adamw.weight_decay, WeightDecay::Decoupled),
                };
                adam_step(&config, steps, moment1, moment2, layers, gradients)?;
            }
            _ => {} // `State::of` pairs them
        }
        Ok(())
    }
}

fn decay(rate: f64, kind: fn(f64) -> WeightDecay) -> Option<WeightDecay> {
    (rate != 0.0).then(|| kind(rate))
}

fn adam_step<D: Device<f32>>(
    config: &AdamConfig,
    steps: &mut i32,
    moment1: &mut Gradients<f32, D>,
    moment2: &mut Gradients<f32, D>,
    layers: &mut [Layer<D>],
    gradients: &mut Gradients<f32, D>,
) -> Result<(), D::Err> {
    *steps += 1;
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
