//! [`MaxPool2d`].

use crate::{
    layer::Layer,
    plan::{Op, Plan, Window},
    shape::Image,
    sizes::{Moved, Moves, Pooling, Sides, Tiles},
};

/// The maximum of each window of `K` x `K`, with a stride of `S` (by default `K`) and a padding of `P` on each side:
/// `y[c, i, j] = max_{k, l} x[c, S i + k - P, S j + l - P]`, over the positions within the image.
///
/// Input `[B, C, H, W]`, output `[B, C, (H + 2 P - K) / S + 1, (W + 2 P - K) / S + 1]`; no parameters.
///
/// `MaxPool2d<2>`, `<3>`, `<4>` and `<8>` divide an image into windows; an image whose sides are not multiples of the
/// window is a compile error, as rows and columns would be dropped
/// ([`Floor`](super::Floor) drops them). Windows of 3 may overlap: `MaxPool2d<3, 1, 1>`,
/// `MaxPool2d<3, 2>` and `MaxPool2d<3, 2, 1>`.
///
/// The gradient goes to the first of equal maxima, row by row, and a NaN counts as larger than any number, both as in
/// PyTorch.
///
/// Source: `torch.nn.MaxPool2d`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Image};
///
/// type Net = (Image<1, 28, 28>, MaxPool2d<2>, Flatten, LazyLinear<10>);
/// assert_eq!(Net::PARAMS, 10 * (14 * 14 + 1));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct MaxPool2d<const K: usize, const S: usize = K, const P: usize = 0>;

impl<const C: usize, const H: usize, const W: usize, const K: usize, const S: usize, const P: usize>
    Layer<Image<C, H, W>> for MaxPool2d<K, S, P>
where
    Image<C, H, W>: Sides<Self>,
    Pooling<K, S, P>: Moves<Self>,
    Moved<Self, Image<C, H, W>, Pooling<K, S, P>>: Tiles<Self, Image<C, H, W>>,
{
    type Out =
        <Moved<Self, Image<C, H, W>, Pooling<K, S, P>> as Tiles<Self, Image<C, H, W>>>::Image<C>;
    const PLAN: Plan = Plan::windowed(Op::MaxPool2d(Window::new(
        [C, H, W],
        C,
        [K; 2],
        [S; 2],
        [P; 2],
    )));
}
