//! [`Sigmoid`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::Kept,
};

/// `y = 1 / (1 + exp(-x))`, for each feature.
///
/// Input of any shape, output of the same; no parameters. Gradient: `y (1 - y)`.
/// The error in a frozen model is at most 2.41 ulp (see [`Frozen`](crate::frozen::Frozen)).
///
/// Source: `torch.nn.Sigmoid`.
///
/// ```
/// use tuplenet::prelude::*;
/// type Net = (Linear<4, 3>, Sigmoid, Linear<3, 2>);
/// assert_eq!(Net::PLAN.steps()[1].op.name(), "Sigmoid");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Sigmoid;

impl<S: Kept<Self>> Layer<S> for Sigmoid {
    type Out = S::Same;
    const PLAN: Plan = Plan::elementwise(Op::Sigmoid, S::LEN);
}
