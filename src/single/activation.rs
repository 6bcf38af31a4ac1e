//! Activations of one sample with `libm`: accurate to one or two units in the last place, without `std`.

use core::f32::consts::FRAC_1_SQRT_2;

use crate::plan::Op;

/// Applies an activation to every value, in place; dropout changes nothing outside training.
///
/// [`Op`] has the formulas. What is not an activation changes nothing.
#[inline]
pub(crate) fn activate(op: Op, values: &mut [f32]) {
    match op {
        Op::Linear
        | Op::Dropout { .. }
        | Op::Dropout2d { .. }
        | Op::Conv2d(_)
        | Op::MaxPool2d(_)
        | Op::AvgPool2d(_)
        | Op::Flatten
        | Op::BatchNorm { .. }
        | Op::Standardize
        | Op::LayerNorm { .. }
        | Op::PRelu { .. }
        | Op::Embedding { .. }
        | Op::TokenEmbedding { .. }
        | Op::EmbeddingBag { .. }
        | Op::OneHot
        | Op::Narrow { .. }
        | Op::Dot { .. }
        | Op::Add { .. }
        | Op::Concat { .. } => {}
        Op::Relu => each(values, |x| if x < 0.0 { 0.0 } else { x }),
        Op::Sigmoid => each(values, |x| 1.0 / (1.0 + libm::expf(-x))),
        Op::Tanh => each(values, libm::tanhf),
        Op::LeakyRelu { slope_percent } => {
            let slope = slope_percent as f32 / 100.0;
            each(values, |x| if x > 0.0 { x } else { x * slope });
        }
        Op::Gelu => each(values, |x| x / 2.0 * (1.0 + libm::erff(x * FRAC_1_SQRT_2))),
        Op::Softplus => each(values, |x| {
            if x > 20.0 {
                x
            } else {
                libm::log1pf(libm::expf(x))
            }
        }),
        Op::Silu => each(values, |x| x / (1.0 + libm::expf(-x))),
        Op::Elu { alpha_percent } => {
            let alpha = alpha_percent as f32 / 100.0;
            each(
                values,
                |x| if x > 0.0 { x } else { alpha * libm::expm1f(x) },
            );
        }
        // the quotient first: the product may overflow
        Op::Hardswish => each(values, |x| x * ((x + 3.0).clamp(0.0, 6.0) / 6.0)),
    }
}

#[inline(always)]
fn each(values: &mut [f32], activation: impl Fn(f32) -> f32) {
    for value in values {
        *value = activation(*value);
    }
}
