//! [`Sigmoid`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::Features,
};

/// `y = 1 / (1 + exp(-x))`, for each feature.
///
/// Input `[B, N]`, output `[B, N]`; no parameters. Gradient: `y (1 - y)`.
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

impl<const N: usize> Layer<Features<N>> for Sigmoid {
    type Out = Features<N>;
    const PLAN: Plan = Plan::elementwise(Op::Sigmoid, N);
}
