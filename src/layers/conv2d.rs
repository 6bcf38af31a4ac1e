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
/// uniformly in `±1 / sqrt(I K K)`. Kernels that are not square: [`RectConv2d`](super::RectConv2d).
///
/// With `G` groups, the channels `O / G` of a group are computed from its `I / G` channels of the input alone, and `weight`
/// is `[O, I / G, K, K]`. `Conv2d<C, C, 3, 1, 1, C>` is a depthwise convolution, one kernel for each channel. `G` divides
/// `I` and `O`: that is an assertion in [`Network::PLAN`](crate::Network::PLAN), which `cargo check` evaluates where an item
/// names it, as `const _: Plan = Net::PLAN;` does.
///
/// Kernels of 1 to 11, 14 and 16, strides of 1, 2, 4, 8 and 16, and paddings of at most half the kernel are
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
///
/// /// A depthwise convolution, then a pointwise one: A. Howard et al., "MobileNets", 2017, <https://arxiv.org/abs/1704.04861>.
/// type Separable<const I: usize, const O: usize> = (Conv2d<I, I, 3, 1, 1, I>, ReLU, Conv2d<I, O, 1>);
/// type Mobile = (Image<8, 12, 12>, Separable<8, 16>, GlobalAvgPool2d, Linear<16, 10>);
/// assert_eq!(Mobile::PARAMS, 8 * (3 * 3 + 1) + 16 * (8 + 1) + 10 * 17);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Conv2d<
    const I: usize,
    const O: usize,
    const K: usize,
    const S: usize = 1,
    const P: usize = 0,
    const G: usize = 1,
>;

impl<
    const I: usize,
    const H: usize,
    const W: usize,
    const O: usize,
    const K: usize,
    const S: usize,
    const P: usize,
    const G: usize,
> Layer<Image<I, H, W>> for Conv2d<I, O, K, S, P, G>
where
    Image<I, H, W>: Sides<Self>,
    Kernel<K, S, P>: Moves<Self>,
    Moved<Self, Image<I, H, W>, Kernel<K, S, P>>: Covers<Self, Image<I, H, W>>,
{
    type Out =
        <Moved<Self, Image<I, H, W>, Kernel<K, S, P>> as Covers<Self, Image<I, H, W>>>::Image<O>;
    const PLAN: Plan = Plan::windowed(Op::Conv2d(
        Window::new([I, H, W], O, [K; 2], [S; 2], [P; 2]).grouped(G),
    ));
}
