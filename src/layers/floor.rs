//! [`Floor`].

use core::marker::PhantomData;

use super::{AvgPool2d, MaxPool2d};
use crate::{
    layer::Layer,
    plan::{Op, Plan, Window},
    shape::Image,
    sizes::{Covers, Kernel, Moved, Moves, Sides},
};

/// The pooling `L`, [`MaxPool2d`] or [`AvgPool2d`], of an image that its windows do not divide: rows and columns at the
/// end that fill no window are dropped, as PyTorch does unless asked for `ceil_mode`.
///
/// Input `[B, C, H, W]`, output `[B, C, (H + 2 P - K) / S + 1, (W + 2 P - K) / S + 1]`, rounded down; no parameters. Without
/// it, `MaxPool2d<2>` of an odd side is a compile error, as it is more often a mistake. It takes the windows of
/// [`Conv2d`](super::Conv2d): kernels of 1 to 11, 14 and 16, strides of 1, 2, 4, 8 and 16.
///
/// Source: `torch.nn.MaxPool2d`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Image};
///
/// type Net = (Image<1, 11, 11>, Floor<MaxPool2d<2>>, Image<1, 5, 5>, Flatten, LazyLinear<10>);
/// assert_eq!(Net::PARAMS, 10 * (5 * 5 + 1));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Floor<L>(PhantomData<L>);

impl<const C: usize, const H: usize, const W: usize, const K: usize, const S: usize, const P: usize>
    Layer<Image<C, H, W>> for Floor<MaxPool2d<K, S, P>>
where
    Image<C, H, W>: Sides<Self>,
    Kernel<K, S, P>: Moves<Self>,
    Moved<Self, Image<C, H, W>, Kernel<K, S, P>>: Covers<Self, Image<C, H, W>>,
{
    type Out =
        <Moved<Self, Image<C, H, W>, Kernel<K, S, P>> as Covers<Self, Image<C, H, W>>>::Image<C>;
    const PLAN: Plan = Plan::windowed(Op::MaxPool2d(Window::new(
        [C, H, W],
        C,
        [K; 2],
        [S; 2],
        [P; 2],
    )));
}

impl<const C: usize, const H: usize, const W: usize, const K: usize, const S: usize, const P: usize>
    Layer<Image<C, H, W>> for Floor<AvgPool2d<K, S, P>>
where
    Image<C, H, W>: Sides<Self>,
    Kernel<K, S, P>: Moves<Self>,
    Moved<Self, Image<C, H, W>, Kernel<K, S, P>>: Covers<Self, Image<C, H, W>>,
{
    type Out =
        <Moved<Self, Image<C, H, W>, Kernel<K, S, P>> as Covers<Self, Image<C, H, W>>>::Image<C>;
    const PLAN: Plan = Plan::windowed(Op::AvgPool2d(Window::new(
        [C, H, W],
        C,
        [K; 2],
        [S; 2],
        [P; 2],
    )));
}
