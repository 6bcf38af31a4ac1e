//! [`GELU`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::Kept,
};

/// `y = x / 2 * (1 + erf(x / sqrt(2)))`, for each feature.
///
/// Input of any shape, output of the same; no parameters. Gradient: `Phi(x) + x phi(x)`. `Phi` and `phi` are the cumulative
/// distribution function and the density of the standard normal distribution.
/// The error in a frozen model is at most 5.82 ulp (see [`Frozen`](crate::frozen::Frozen)).
///
/// Source: D. Hendrycks, K. Gimpel, "Gaussian error linear units", 2016, <https://arxiv.org/abs/1606.08415>;
/// `torch.nn.GELU(approximate='none')`.
///
/// ```
/// use tuplenet::prelude::*;
/// type Net = (Linear<4, 3>, GELU, Linear<3, 2>);
/// assert_eq!(Net::PLAN.steps()[1].op.name(), "GELU");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct GELU;

impl<S: Kept<Self>> Layer<S> for GELU {
    type Out = S::Same;
    const PLAN: Plan = Plan::elementwise(Op::Gelu, S::LEN);
}
