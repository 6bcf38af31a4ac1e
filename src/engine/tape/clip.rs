//! Clipping by norm.

use dfdx::prelude::{Device, Gradients, TryMul};

use super::layer::{Layer, as_gradients};
use crate::engine::run::clip_factor;

/// The gradients of all layers, scaled down if their norm is larger than `max_norm`.
///
/// The norm is computed on the host, in `f64`, which synchronises with a GPU.
pub(super) fn clip<D: Device<f32>>(
    layers: &[Layer<D>],
    mut gradients: Gradients<f32, D>,
    max_norm: f64,
) -> Result<Gradients<f32, D>, D::Err> {
    let mut flat = Vec::new();
    for layer in layers {
        layer.append_gradient(&mut gradients, &mut flat)?;
    }
    let squares = flat.iter().map(|&g| f64::from(g) * f64::from(g));
    let factor = clip_factor(max_norm, squares.sum());
    if factor == 1.0 {
        return Ok(gradients);
    }
    let factor = factor as f32;
    let scaled = layers.iter().map(|Layer { weight, bias }| {
        Ok(Layer {
            weight: gradients.get(weight).try_mul(factor)?,
            bias: match bias {
                Some(bias) => Some(gradients.get(bias).try_mul(factor)?),
                None => None,
            },
        })
    });
    as_gradients(layers, scaled)
}
