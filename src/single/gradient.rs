//! The gradient of the logits of two layers with respect to the sample.
//!
//! Dims: `I` = inputs, `H` = hidden, `O` = outputs.

use super::{forward::forward, level::Level, matrix::Matrix, step::StepOf, values::Values};
use crate::{
    layers::{Linear, ReLU},
    models::Mlp,
};

/// `of` `[O]` times the derivatives of the logits, `[O, I]`: `W1^T ((of W2) * [W1 x + b1 > 0])`.
///
/// # Safety
/// The first layer [fits the stack](super::step::fits_the_stack), and `values` are those of both layers.
pub(crate) unsafe fn gradient<const I: usize, const H: usize, const O: usize, V: Values>(
    values: &V,
    sample: &[f32; I],
    of: &[f32; O],
) -> [f32; I] {
    let mut hidden = [0.0; H];
    // SAFETY: guaranteed by the caller; values are stored layer by layer, so those of both layers begin with those of the
    // first.
    unsafe { forward::<(Linear<I, H>, ReLU), V>(values, Level::widest(), sample, &mut hidden) };
    // SAFETY: guaranteed by the caller: these are the places of both layers.
    let (first, second) = unsafe {
        (
            values.matrix(&StepOf::<Mlp<I, H, O>, V::Norms, 0>::AT),
            values.matrix(&StepOf::<Mlp<I, H, O>, V::Norms, 2>::AT),
        )
    };
    for (h, value) in hidden.iter_mut().enumerate() {
        let outputs = of.iter().enumerate();
        // SAFETY: `h` is below `H`, `o` below `O`.
        let weighted = outputs.map(|(o, weight)| weight * unsafe { second.weight(h, o) });
        // As in PyTorch, the derivative is 0 where the value is 0, and 1 where it is NaN.
        *value = if *value <= 0.0 { 0.0 } else { weighted.sum() };
    }
    core::array::from_fn(|i| {
        let hidden = hidden.iter().enumerate();
        // SAFETY: `i` is below `I`, `h` below `H`.
        hidden.map(|(h, d)| d * unsafe { first.weight(i, h) }).sum()
    })
}
