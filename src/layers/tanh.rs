//! [`Tanh`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::Kept,
};

/// `y = tanh(x)`, for each feature.
///
/// Input of any shape, output of the same; no parameters. Gradient: `1 - y^2`.
/// The error in a frozen model is at most 2.50 ulp (see [`Frozen`](crate::frozen::Frozen)).
///
/// Source: `torch.nn.Tanh`.
///
/// ```
/// use tuplenet::prelude::*;
/// type Net = (Linear<4, 3>, Tanh, Linear<3, 2>);
/// assert_eq!(Net::PLAN.steps()[1].op.name(), "Tanh");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Tanh;

impl<S: Kept<Self>> Layer<S> for Tanh {
    type Out = S::Same;
    const PLAN: Plan = Plan::elementwise(Op::Tanh, S::LEN);
}
