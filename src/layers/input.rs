//! [`Input`].

use crate::{
    layer::{First, Layer},
    plan::Plan,
    shape::Features,
};

/// `y = x`: states the width of a network whose first layer has none.
///
/// Input `[B, N]`, output `[B, N]`. It has no step in the plan, so it takes no number among
/// the layers: in `(Input<8>, Tanh, Linear<8, 2>)` the weight is `1.weight`, as in
/// `nn.Sequential(nn.Tanh(), nn.Linear(8, 2))`.
///
/// `N` is 1 or more, as the widths of [`Linear`](super::Linear) are.
///
/// ```
/// use tuplenet::prelude::*;
/// type Net = (Input<8>, Tanh, Linear<8, 2>);
/// assert_eq!(Net::PLAN.steps().len(), 2);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Input<const N: usize>;

impl<const N: usize> Layer<Features<N>> for Input<N> {
    type Out = Features<N>;
    const PLAN: Plan = Plan::identity();
}

impl<const N: usize> First for Input<N> {
    type In = Features<N>;
}
