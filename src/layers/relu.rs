//! [`ReLU`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::Kept,
};

/// `y = max(x, 0)`, for each feature.
///
/// Input of any shape, output of the same; no parameters. Gradient: `1 for x > 0, else 0`.
///
/// Source: V. Nair, G. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML 2010;
/// `torch.nn.ReLU`.
///
/// ```
/// use tuplenet::prelude::*;
/// type Net = (Linear<4, 3>, ReLU, Linear<3, 2>);
/// assert_eq!(Net::PLAN.steps()[1].op.name(), "ReLU");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ReLU;

impl<S: Kept<Self>> Layer<S> for ReLU {
    type Out = S::Same;
    const PLAN: Plan = Plan::elementwise(Op::Relu, S::LEN);
}
