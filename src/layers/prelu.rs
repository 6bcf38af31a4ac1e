//! [`PReLU`] and [`ChannelPReLU`].

use crate::{
    layer::Layer,
    plan::{Op, Plan},
    shape::{Features, Image, Kept},
};

/// `y = x` for `x > 0`, else `w x`, with a slope `w` that is learned, the same for all values.
///
/// Input of any shape, output of the same. Parameters: `weight` `[1]`, initially 0.25, and no bias. Gradient: 1 for `x > 0`,
/// else `w`; that of the slope is the sum over all values of `x` times the gradient of `y` where `x` is not above 0.
/// [`ChannelPReLU`] has a slope for each channel. Weight decay draws slopes towards 0, so a ReLU, as it does in PyTorch.
///
/// Source: K. He et al., "Delving deep into rectifiers", 2015, <https://arxiv.org/abs/1502.01852>, section 2.1;
/// `torch.nn.PReLU`.
///
/// ```
/// use tuplenet::prelude::*;
///
/// type Net = (Linear<4, 3>, PReLU, Linear<3, 2>);
/// assert_eq!(Net::PARAMS, 3 * 5 + 1 + 2 * 4);
/// let weights = Weights::<Net>::init(1);
/// assert_eq!(weights.tensor("1.weight").unwrap().values, [0.25]);
/// assert!(weights.tensor("1.bias").is_none());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct PReLU;

impl<S: Kept<Self>> Layer<S> for PReLU {
    type Out = S::Same;
    const PLAN: Plan = Plan::elementwise(Op::PRelu { slopes: 1 }, S::LEN);
}

/// [`PReLU`] with a slope for each of `C` channels: `y[c, i, j] = x[c, i, j]` where that is above 0, else
/// `w[c] x[c, i, j]`. The channels of a vector are its features.
///
/// Input `[B, C, H, W]` or `[B, C]`, output of the same shape. Parameters: `weight` `[C]`, initially 0.25, and no bias.
///
/// Source: as [`PReLU`]; `torch.nn.PReLU(C)`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Image};
///
/// type Net = (Image<1, 9, 9>, Conv2d<1, 8, 3>, ChannelPReLU<8>, GlobalAvgPool2d, Linear<8, 4>, ChannelPReLU<4>);
/// assert_eq!(Net::PARAMS, 8 * 10 + 8 + 4 * 9 + 4);
/// assert_eq!(Weights::<Net>::init(1).tensor("1.weight").unwrap().values, [0.25; 8]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ChannelPReLU<const C: usize>;

impl<const C: usize> Layer<Features<C>> for ChannelPReLU<C> {
    type Out = Features<C>;
    const PLAN: Plan = Plan::elementwise(Op::PRelu { slopes: C }, C);
}

impl<const C: usize, const H: usize, const W: usize> Layer<Image<C, H, W>> for ChannelPReLU<C> {
    type Out = Image<C, H, W>;
    const PLAN: Plan = Plan::elementwise(Op::PRelu { slopes: C }, C * H * W);
}
