//! [`Identity`].

use crate::{layer::Layer, plan::Plan, shape::Kept};

/// `y = x`: the shortcut of a [`Residual`](super::Residual) without a projection.
///
/// Input of any shape, output of the same; no parameters. It has no step in the plan.
///
/// Source: `torch.nn.Identity`.
///
/// ```
/// use tuplenet::{layers::Identity, prelude::*};
///
/// type Net = (Residual<(Linear<4, 4>, Tanh), Identity>, Linear<4, 2>);
/// assert_eq!(Net::PLAN, <(Residual<(Linear<4, 4>, Tanh)>, Linear<4, 2>)>::PLAN);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity;

impl<S: Kept<Self>> Layer<S> for Identity {
    type Out = S::Same;
    const PLAN: Plan = Plan::identity();
}
