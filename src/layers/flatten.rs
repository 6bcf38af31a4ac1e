//! [`Flatten`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::{Flat, Image, Shape},
};

/// `y = x`, an image as a vector, channel after channel, row after row.
///
/// Input `[B, C, H, W]`, output `[B, C H W]`; no parameters. The layer after it is
/// [`LazyLinear`](super::LazyLinear), as the width is no number in the type.
///
/// Source: `torch.nn.Flatten`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Image};
///
/// type Net = (Image<1, 28, 28>, Flatten, LazyLinear<10>);
/// assert_eq!(Net::PARAMS, 784 * 10 + 10);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Flatten;

impl<const C: usize, const H: usize, const W: usize> Layer<Image<C, H, W>> for Flatten {
    type Out = Flat<Image<C, H, W>>;
    const PLAN: Plan = Plan::elementwise(Op::Flatten, <Image<C, H, W> as Shape>::LEN);
}
