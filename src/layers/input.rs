//! [`Input`].

use crate::{
    layer::{First, Layer},
    plan::Plan,
    shape::Features,
};

/// `y = x`: declares the input width of a network whose first layer does not fix one.
///
/// Input `[B, N]`, output `[B, N]`. It has no step in the plan, so it does not count in the layers' numbering: in
/// `(Input<8>, Tanh, Linear<8, 2>)` the weight is `1.weight`, as in `nn.Sequential(nn.Tanh(), nn.Linear(8, 2))`.
///
/// `N` is 1 or more, like the widths of [`Linear`](super::Linear).
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
