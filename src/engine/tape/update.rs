//! dfdx's optimisers, with their state.

use dfdx::{
    optim::{AdamConfig, Momentum, SgdConfig, WeightDecay},
    prelude::{Device, Gradients},
};

use super::layer::{Layer, as_gradients, layers as to_layers};
use crate::{
    objective::{Optimizer, OptimizerKind},
    plan::Plan,
};

/// An [`OptimizerState`](crate::engine::OptimizerState) of any network.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) kind: OptimizerKind,
    pub(super) steps: u64,
    /// In the layout of the parameters.
    pub(super) moments: Vec<Vec<f32>>,
}

/// The optimiser's moments. dfdx keys buffers by tensor, so a `Gradients` holds one per parameter, initialised to
/// zeros on first access.
#[derive(Debug)]
pub(super) struct State<D: Device<f32>> {
    pub(super) kind: OptimizerKind,
    /// SGD's velocity, Adam's first moment.
    moment1: Gradients<f32, D>,
    /// Adam's second moment.
    moment2: Gradients<f32, D>,
    /// Steps taken with this state.
    pub(super) steps: i32,
}

impl<D: Device<f32>> State<D> {
    /// The state for this kind of optimiser: the existing one, or a new one.
    pub(super) fn of<'a>(state: &'a mut Option<Self>, optimizer: &Optimizer) -> &'a mut Self {
        let kind = optimizer.kind();
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

    /// The state from another engine or a previous run.
    pub(super) fn restored(
        layers: &[Layer<D>],
        device: &D,
        plan: &Plan,
        snapshot: &Snapshot,
    ) -> Result<Self, D::Err> {
        let mut moments = snapshot.moments.iter();
        let mut next = || match moments.next() {
            Some(moment) => {
                let values = to_layers(device, plan, moment)?;
                as_gradients(layers, values.into_iter().map(Ok))
            }
            None => Ok(Gradients::leaky()),
        };
        Ok(State {
            kind: snapshot.kind,
            moment1: next()?,
            moment2: next()?,
            steps: i32::try_from(snapshot.steps).unwrap_or(i32::MAX),
        })
    }

    /// A copy of each moment that the optimiser keeps, in the layout of the parameters.
    pub(super) fn moments(&self, layers: &[Layer<D>]) -> Result<Vec<Vec<f32>>, D::Err> {
        let kept = match self.kind {
            OptimizerKind::Sgd => &[&self.moment1][..],
            OptimizerKind::Adam | OptimizerKind::AdamW => &[&self.moment1, &self.moment2],
        };
        let copied = kept.iter().map(|&moment| {
            let (mut moment, mut flat) = (moment.clone(), Vec::new());
            for layer in layers {
                layer.append_gradient(&mut moment, &mut flat)?;
            }
            Ok(flat)
        });
        copied.collect()
    }

    /// One step: updates every parameter by its gradient.
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
                    if let Some(bias) = bias {
                        let gradient = gradients.get_or_alloc_mut(bias)?;
                        config.try_update(bias, self.moment1.get_or_alloc_mut(bias)?, gradient)?;
                    }
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
            if let Some(bias) = bias {
                let gradient = gradients.get_or_alloc_mut(bias)?;
                let (m, v) = (
                    moment1.get_or_alloc_mut(bias)?,
                    moment2.get_or_alloc_mut(bias)?,
                );
                config.try_update(*steps, bias, m, v, gradient)?;
            }
        }
        Ok(())
    }
}

fn decay(rate: f64, kind: fn(f64) -> WeightDecay) -> Option<WeightDecay> {
    (rate != 0.0).then(|| kind(rate))
}
