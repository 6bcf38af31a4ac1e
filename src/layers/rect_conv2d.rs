//! [`RectConv2d`].

use core::marker::PhantomData;

use crate::{
    layer::Layer,
    plan::{Op, Plan, Window},
    shape::Image,
    sizes::{self, Covers, Moved, Moves, Sides},
};

/// A convolution whose kernel, stride and padding differ between rows and columns; else a [`Conv2d`](super::Conv2d):
/// `y[o, i, j] = b[o] + sum_{c, k, l} W[o, c, k, l] x[c, S i + k - P, T j + l - Q]` for a [`Kernel<K, L>`](Kernel), a
/// [`Stride<S, T>`](Stride), by default of 1, and a [`Padding<P, Q>`](Padding), by default of 0.
///
/// Input `[B, I, H, W]`, output `[B, O, (H + 2 P - K) / S + 1, (W + 2 Q - L) / T + 1]`, rounded down. Parameters, in
/// the plan's order: `weight` `[O, I / G, K, L]` row-major, `bias` `[O]`. Groups, limits and initial values are those of
/// [`Conv2d`](super::Conv2d), for each axis.
///
/// Source: `torch.nn.Conv2d`, whose `(10, 4)` is `Kernel<10, 4>`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Image, layers::{Kernel, Padding, RectConv2d, Stride}};
///
/// // 49 steps of time, 10 features of speech: Y. Zhang et al., "Hello edge", 2017, <https://arxiv.org/abs/1711.07128>
/// type First = RectConv2d<1, 64, Kernel<10, 4>, Stride<2, 2>, Padding<5, 1>>;
/// type Net = (Image<1, 49, 10>, First, Image<64, 25, 5>, ReLU, GlobalAvgPool2d, Linear<64, 12>);
/// assert_eq!(Net::PARAMS, 64 * (10 * 4 + 1) + 12 * 65);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RectConv2d<
    const I: usize,
    const O: usize,
    K,
    S = Stride<1, 1>,
    P = Padding<0, 0>,
    const G: usize = 1,
>(PhantomData<(K, S, P)>);

/// A kernel of so many rows and columns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kernel<const ROWS: usize, const COLUMNS: usize>;

/// The distance between two positions of a kernel: rows and columns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stride<const ROWS: usize, const COLUMNS: usize>;

/// So many rows and columns of zeros on each side of an image.
#[derive(Clone, Copy, Debug, Default)]
pub struct Padding<const ROWS: usize, const COLUMNS: usize>;

impl<
    const I: usize,
    const H: usize,
    const W: usize,
    const O: usize,
    const K: usize,
    const L: usize,
    const S: usize,
    const T: usize,
    const P: usize,
    const Q: usize,
    const G: usize,
> Layer<Image<I, H, W>> for RectConv2d<I, O, Kernel<K, L>, Stride<S, T>, Padding<P, Q>, G>
where
    Image<I, H, W>: Sides<Self>,
    sizes::Kernel<K, S, P>: Moves<Self>,
    sizes::Kernel<L, T, Q>: Moves<Self>,
    Moved<Self, Image<I, H, W>, sizes::Kernel<K, S, P>, sizes::Kernel<L, T, Q>>:
        Covers<Self, Image<I, H, W>>,
{
    type Out =
        <Moved<Self, Image<I, H, W>, sizes::Kernel<K, S, P>, sizes::Kernel<L, T, Q>> as Covers<
            Self,
            Image<I, H, W>,
        >>::Image<O>;
    const PLAN: Plan = Plan::windowed(Op::Conv2d(
        Window::new([I, H, W], O, [K, L], [S, T], [P, Q]).grouped(G),
    ));
}
