//! [`Conv2d`].

use crate::{
    layer::Layer,
    plan::{Op, Plan, Window},
    shape::Image,
    sizes::{Covers, Kernel, Moved, Moves, Sides},
};

/// Convolution of an image of `I` channels with `O` kernels of `K` x `K`, a stride of `S` and `P` zeros on each side:
/// `y[o, i, j] = b[o] + sum_{c, k, l} W[o, c, k, l] x[c, S i + k - P, S j + l - P]`.
///
/// Input `[B, I, H, W]`, output `[B, O, (H + 2 P - K) / S + 1, (W + 2 P - K) / S + 1]`, rounded down. Parameters, in
/// the plan's order: `weight` `[O, I, K, K]` row-major, `bias` `[O]`, as in `torch.nn.Conv2d`, and initialised like those:
/// uniformly in `±1 / sqrt(I K K)`.
///
/// Kernels of 1 to 9, 11, 14 and 16, strides of 1, 2, 4, 8 and 16, and paddings of at most half the kernel are
/// supported; the sides of images are at most 512. Anything else is a compile error, as is an image that is smaller than
/// the kernel.
///
/// Source: `torch.nn.Conv2d`; Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998.
///
/// ```
/// use tuplenet::{prelude::*, shape::{Image, Shape}};
///
/// type Net = (Image<1, 28, 28>, Conv2d<1, 6, 5, 1, 2>, ReLU, Flatten, LazyLinear<10>);
/// assert_eq!(Net::PARAMS, 6 * (5 * 5 + 1) + 10 * (6 * 28 * 28 + 1));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Conv2d<
    const I: usize,
    const O: usize,
    const K: usize,
    const S: usize = 1,
    const P: usize = 0,
>;

impl<
    const I: usize,
    const H: usize,
    const W: usize,
    const O: usize,
    const K: usize,
    const S: usize,
    const P: usize,
> Layer<Image<I, H, W>> for Conv2d<I, O, K, S, P>
where
    Image<I, H, W>: Sides<Self>,
    Kernel<K, S, P>: Moves<Self>,
    Moved<Self, Image<I, H, W>, Kernel<K, S, P>>: Covers<Self, Image<I, H, W>>,
{
    type Out =
        <Moved<Self, Image<I, H, W>, Kernel<K, S, P>> as Covers<Self, Image<I, H, W>>>::Image<O>;
    const PLAN: Plan = Plan::windowed(Op::Conv2d(Window::new([I, H, W], O, [K, K], S, P)));
}
