//! Clipping by norm.

use dfdx::prelude::{Backward, Device, Gradients, SumTo, Trace, TryAdd, TryMul};

use super::forward::Layer;

/// Added to the norm, as PyTorch does.
const EPSILON: f64 = 1e-6;

/// The gradients of all layers, scaled down if their norm is larger than `max_norm`.
///
/// The norm is summed up on the host, in `f64`: a GPU is waited for.
pub(super) fn clip<D: Device<f32>>(
    device: &D,
    layers: &[Layer<D>],
    mut gradients: Gradients<f32, D>,
    max_norm: f64,
) -> Result<Gradients<f32, D>, D::Err> {
    let mut flat = Vec::new();
    for layer in layers {
        layer.append_gradient(&mut gradients, &mut flat)?;
    }
    let squares = flat.iter().map(|&g| f64::from(g) * f64::from(g));
    let factor = max_norm / (squares.sum::<f64>().sqrt() + EPSILON);
    if factor >= 1.0 {
        return Ok(gradients);
    }
    // dfdx lets nobody write a gradient; but that of `sum(w c)` with respect to `w` is `c`
    let factor = factor as f32;
    let mut sum = device.try_zeros::<()>()?.leaky_traced();
    for Layer { weight, bias } in layers {
        let scaled = gradients.get(weight).try_mul(factor)?;
        let of_weight = weight.leaky_trace().try_mul(scaled)?;
        let scaled = gradients.get(bias).try_mul(factor)?;
        let of_bias = bias.leaky_trace().try_mul(scaled)?;
        sum = sum
            .try_add(of_weight.try_sum::<(), _>()?)?
            .try_add(of_bias.try_sum::<(), _>()?)?;
    }
    sum.try_backward()
}
