//! [`LazyLinear`].

use crate::{
    layer::Layer,
    plan::Plan,
    shape::{Features, Flat, Shape},
};

/// [`Linear`](super::Linear) with `O` outputs and as many inputs as the layer before it gives, which is
/// [`Flatten`](super::Flatten).
///
/// Input `[B, I]`, output `[B, O]`. Parameters as those of `Linear<I, O>`.
///
/// Source: `torch.nn.LazyLinear`.
///
/// ```
/// use tuplenet::{plan::Op, prelude::*, shape::Image};
///
/// type Net = (Image<1, 28, 28>, MaxPool2d<2>, Flatten, LazyLinear<10>);
/// let last = Net::PLAN.steps()[2];
/// assert_eq!((last.op, last.inputs, last.outputs), (Op::Linear, 14 * 14, 10));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LazyLinear<const O: usize>;

impl<S: Shape, const O: usize> Layer<Flat<S>> for LazyLinear<O> {
    type Out = Features<O>;
    const PLAN: Plan = Plan::linear(S::LEN, O);
}
