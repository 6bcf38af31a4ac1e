//! [`AvgPool2d`].

use crate::{
    layer::Layer,
    plan::{Op, Plan, Window},
    shape::Image,
    sizes::{Moved, Moves, Pooling, Sides, Tiles},
};

/// The mean of each window of `K` x `K`, with a stride of `S` (by default `K`) and a padding of `P` on each side:
/// `y[c, i, j] = 1 / K^2 sum_{k, l} x[c, S i + k - P, S j + l - P]`, where positions outside of the image count as zeros.
///
/// Input `[B, C, H, W]`, output `[B, C, (H + 2 P - K) / S + 1, (W + 2 P - K) / S + 1]`; no parameters.
///
/// `AvgPool2d<2>`, `<3>`, `<4>` and `<8>` divide an image into windows; an image whose sides are not multiples of the
/// window is a compile error, as rows and columns would be dropped. Windows of 3 may overlap: `AvgPool2d<3, 1, 1>`,
/// `AvgPool2d<3, 2>` and `AvgPool2d<3, 2, 1>`.
///
/// Source: `torch.nn.AvgPool2d`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Image};
///
/// type Net = (Image<1, 28, 28>, AvgPool2d<2>, Flatten, LazyLinear<10>);
/// assert_eq!(Net::PARAMS, 10 * (14 * 14 + 1));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct AvgPool2d<const K: usize, const S: usize = K, const P: usize = 0>;

impl<const C: usize, const H: usize, const W: usize, const K: usize, const S: usize, const P: usize>
    Layer<Image<C, H, W>> for AvgPool2d<K, S, P>
where
    Image<C, H, W>: Sides<Self>,
    Pooling<K, S, P>: Moves<Self>,
    Moved<Self, Image<C, H, W>, Pooling<K, S, P>>: Tiles<Self, Image<C, H, W>>,
{
    type Out =
        <Moved<Self, Image<C, H, W>, Pooling<K, S, P>> as Tiles<Self, Image<C, H, W>>>::Image<C>;
    const PLAN: Plan = Plan::windowed(Op::AvgPool2d(Window::new(
        [C, H, W],
        C,
        [K; 2],
        [S; 2],
        [P; 2],
    )));
}
