//! [`LayerNorm`].

use crate::{
    layer::{First, Layer},
    plan::{Op, Plan},
    shape::{Features, Image},
};

/// Layer normalisation, of each sample by itself: `y[i] = w[i] (x[i] - m) / sqrt(v + 1e-5) + b[i]`, where `m` and `v` are
/// the mean and the (biased) variance of all values of the sample.
///
/// `LayerNorm<N>` normalises a vector: input `[B, N]`, output `[B, N]`; `LayerNorm<C, H, W>` an image: input `[B, C, H, W]`,
/// output `[B, C, H, W]`. As in `torch.nn.LayerNorm(N)` and `torch.nn.LayerNorm([C, H, W])`, there is a weight and a bias for
/// each value. Parameters, in the plan's order: `weight` `[N]` or `[C, H, W]`, initially 1, and `bias` of the same shape,
/// initially 0. Training and inference compute the same: there are no running statistics.
///
/// Source: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016, <https://arxiv.org/abs/1607.06450>;
/// `torch.nn.LayerNorm`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Image};
///
/// type Net = (LayerNorm<784>, Linear<784, 128>, LayerNorm<128>, ReLU, Linear<128, 10>);
/// assert_eq!(Net::PARAMS, 2 * 784 + 128 * 785 + 2 * 128 + 10 * 129);
/// let weights = Weights::<Net>::init(1);
/// assert_eq!(weights.tensor("2.weight").unwrap().values, [1.0; 128]);
///
/// type Images = (Image<1, 9, 9>, Conv2d<1, 4, 2>, LayerNorm<4, 8, 8>, ReLU, GlobalAvgPool2d, Linear<4, 10>);
/// let weights = Weights::<Images>::init(1);
/// assert_eq!(weights.tensor("1.bias").unwrap().shape, [4, 8, 8]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LayerNorm<const N: usize, const H: usize = 0, const W: usize = 0>;

impl<const N: usize> Layer<Features<N>> for LayerNorm<N> {
    type Out = Features<N>;
    const PLAN: Plan = Plan::elementwise(Op::LayerNorm { image: None }, N);
}

impl<const N: usize> First for LayerNorm<N> {
    type In = Features<N>;
}

impl<const C: usize, const H: usize, const W: usize> Layer<Image<C, H, W>> for LayerNorm<C, H, W> {
    type Out = Image<C, H, W>;
    const PLAN: Plan = Plan::elementwise(
        Op::LayerNorm {
            image: Some([C, H, W]),
        },
        C * H * W,
    );
}
