//! [`Linear`].

use crate::{
    layer::{First, Layer},
    plan::Plan,
    shape::Features,
};

/// `y = W x + b`: `I` features in, `O` features out.
///
/// Input `[B, I]`, output `[B, O]`. Parameters, in the plan's order: `weight` `[O, I]` row-major, `bias` `[O]`, as in
/// `torch.nn.Linear`. By default both are initialised uniformly in `±1 / sqrt(I)`; see `weights::Init` for other
/// schemes.
///
/// Both widths are 1 or more: a width of 0 is a compile error, which `cargo check` alone may not report; see
/// [`Network`](crate::Network#what-cargo-check-sees).
///
/// Source: `torch.nn.Linear`.
///
/// ```
/// use tuplenet::prelude::*;
/// type Net = (Linear<784, 10>,);
/// assert_eq!(Net::PARAMS, 784 * 10 + 10);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Linear<const I: usize, const O: usize>;

impl<const I: usize, const O: usize> Layer<Features<I>> for Linear<I, O> {
    type Out = Features<O>;
    const PLAN: Plan = Plan::linear(I, O);
}

impl<const I: usize, const O: usize> First for Linear<I, O> {
    type In = Features<I>;
}
