//! [`Tanh`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::Features,
};

/// `y = tanh(x)`, for each feature.
///
/// Input `[B, N]`, output `[B, N]`; no parameters. Gradient: `1 - y^2`.
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

impl<const N: usize> Layer<Features<N>> for Tanh {
    type Out = Features<N>;
    const PLAN: Plan = Plan::elementwise(Op::Tanh, N);
}
