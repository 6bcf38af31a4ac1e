//! [`SiLU`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::Kept,
};

/// `y = x s`, `s = 1 / (1 + exp(-x))`, for each feature; also called swish.
///
/// Input of any shape, output of the same; no parameters. Gradient: `s + y (1 - s)`.
/// The error in a frozen model is at most 3.20 ulp (see [`Frozen`](crate::frozen::Frozen)).
///
/// Source: S. Elfwing, E. Uchibe, K. Doya, "Sigmoid-weighted linear units for neural network function approximation in
/// reinforcement learning", 2017, <https://arxiv.org/abs/1702.03118>; `torch.nn.SiLU`.
///
/// ```
/// use tuplenet::prelude::*;
/// type Net = (Linear<4, 3>, SiLU, Linear<3, 2>);
/// assert_eq!(Net::PLAN.steps()[1].op.name(), "SiLU");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SiLU;

impl<S: Kept<Self>> Layer<S> for SiLU {
    type Out = S::Same;
    const PLAN: Plan = Plan::elementwise(Op::Silu, S::LEN);
}
