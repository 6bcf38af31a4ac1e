//! [`BatchNorm1d`] and [`BatchNorm2d`].

use crate::{
    layer::{First, Layer},
    plan::{Op, Plan},
    shape::{Features, Image},
};

/// Batch normalisation of a vector of `N` features, or of a sequence of `N` channels:
/// `y[i] = w[i] (x[i] - m[i]) / sqrt(v[i] + 1e-5) + b[i]`.
///
/// Input `[B, N]`, output `[B, N]`; or a [`Sequence<N, L>`](crate::shape::Sequence), output of the same shape, as
/// [`BatchNorm2d`] of an image of one row. In training, `m` and `v` are the mean and the variance of the feature in the
/// batch, which has 2 samples or more; in inference, the running ones: after each step `m' = 0.9 m' + 0.1 m`, and
/// likewise for the variance, of which the unbiased estimate is used, `v B / (B - 1)`. Parameters, in the plan's order:
/// `weight` `[N]`, initially 1, and `bias` `[N]`, initially 0. A weights file has the running statistics as PyTorch's
/// does: `running_mean`, `running_var` and `num_batches_tracked`.
///
/// `gradient` of an engine uses the batch's statistics, and leaves the running ones as they are. Where several processes train
/// together (`Distributed`, feature `mpi`), the batch is that of all, as in `torch.nn.SyncBatchNorm`.
///
/// Source: S. Ioffe, C. Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate
/// shift", 2015, <https://arxiv.org/abs/1502.03167>; `torch.nn.BatchNorm1d`.
///
/// ```
/// use tuplenet::prelude::*;
///
/// type Net = (Linear<784, 128>, BatchNorm1d<128>, ReLU, Linear<128, 10>);
/// assert_eq!(Net::PARAMS, 128 * 785 + 2 * 128 + 10 * 129);
/// let weights = Weights::<Net>::init(1);
/// assert_eq!(weights.tensor("1.weight").unwrap().values, [1.0; 128]);
/// let names: Vec<_> = weights.buffers().map(|tensor| tensor.name).collect();
/// assert_eq!(names, ["1.running_mean", "1.running_var"]);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchNorm1d<const N: usize>;

impl<const N: usize> Layer<Features<N>> for BatchNorm1d<N> {
    type Out = Features<N>;
    const PLAN: Plan = Plan::elementwise(Op::BatchNorm { channels: N }, N);
}

impl<const C: usize, const L: usize> Layer<Image<C, 1, L>> for BatchNorm1d<C> {
    type Out = Image<C, 1, L>;
    const PLAN: Plan = Plan::elementwise(Op::BatchNorm { channels: C }, C * L);
}

impl<const N: usize> First for BatchNorm1d<N> {
    type In = Features<N>;
}

/// Batch normalisation of an image of `C` channels:
/// `y[c, i, j] = w[c] (x[c, i, j] - m[c]) / sqrt(v[c] + 1e-5) + b[c]`.
///
/// Input `[B, C, H, W]`, output `[B, C, H, W]`. The mean and the variance are those of the channel over all samples, rows and
/// columns of the batch; everything else is as for [`BatchNorm1d`].
///
/// Source: as [`BatchNorm1d`]; `torch.nn.BatchNorm2d`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Image};
///
/// type Net = (Image<1, 28, 28>, Conv2d<1, 8, 3>, BatchNorm2d<8>, ReLU, GlobalAvgPool2d, Linear<8, 10>);
/// assert_eq!(Net::PARAMS, 8 * 10 + 2 * 8 + 10 * 9);
/// assert_eq!(Net::PLAN.statistics(), 2 * 8);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BatchNorm2d<const C: usize>;

impl<const C: usize, const H: usize, const W: usize> Layer<Image<C, H, W>> for BatchNorm2d<C> {
    type Out = Image<C, H, W>;
    const PLAN: Plan = Plan::elementwise(Op::BatchNorm { channels: C }, C * H * W);
}
