//! [`Hardswish`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::Kept,
};

/// `y = x min(max(x + 3, 0), 6) / 6`, for each feature: [`SiLU`](super::SiLU) with straight lines for the sigmoid.
///
/// Input of any shape, output of the same; no parameters. Gradient: 0 for `x <= -3`, 1 for `x >= 3`, else
/// `x / 3 + 1 / 2`, as in PyTorch.
/// The error in a frozen model is at most 1.88 ulp (see [`Frozen`](crate::frozen::Frozen)).
///
/// Source: A. Howard et al., "Searching for MobileNetV3", ICCV 2019, <https://arxiv.org/abs/1905.02244>;
/// `torch.nn.Hardswish`.
///
/// ```
/// use tuplenet::prelude::*;
/// type Net = (Linear<4, 3>, Hardswish, Linear<3, 2>);
/// assert_eq!(Net::PLAN.steps()[1].op.name(), "Hardswish");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Hardswish;

impl<S: Kept<Self>> Layer<S> for Hardswish {
    type Out = S::Same;
    const PLAN: Plan = Plan::elementwise(Op::Hardswish, S::LEN);
}
