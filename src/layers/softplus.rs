//! [`Softplus`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::Kept,
};

/// `y = ln(1 + exp(x))`, for each feature.
///
/// Input of any shape, output of the same; no parameters. Gradient: `1 / (1 + exp(-x))`.
/// For `x > 20` it is `y = x`, as in PyTorch (`threshold=20`), which keeps `exp` finite.
/// The error in a frozen model is at most 3.67 ulp (see [`Frozen`](crate::frozen::Frozen)).
///
/// Source: `torch.nn.Softplus`.
///
/// ```
/// use tuplenet::prelude::*;
/// type Net = (Linear<4, 3>, Softplus, Linear<3, 2>);
/// assert_eq!(Net::PLAN.steps()[1].op.name(), "Softplus");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Softplus;

impl<S: Kept<Self>> Layer<S> for Softplus {
    type Out = S::Same;
    const PLAN: Plan = Plan::elementwise(Op::Softplus, S::LEN);
}
