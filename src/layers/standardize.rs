//! [`Standardize`].

use crate::{
    layer::{First, Layer},
    plan::{Op, Plan},
    shape::Features,
};

/// Standardises the samples, so that a network takes raw values: `y[i] = (x[i] - mean[i]) / std[i]`.
///
/// Input `[B, N]`, output `[B, N]`. It is the first layer of a network, or of a branch of a
/// [`Parallel`](super::Parallel), so that the shipped program needs no preprocessing. `mean` `[N]` and `std` `[N]` are
/// the mean and the (biased) standard deviation of each feature in the training data, or a deviation of 1 where that is
/// 0, as for `sklearn.preprocessing.StandardScaler`. They are no parameters: no optimiser changes them, and they are
/// saved with the weights, like the statistics of [`BatchNorm1d`](super::BatchNorm1d).
///
#[cfg_attr(
    feature = "train",
    doc = "[`Trainer::fit`](crate::train::Trainer::fit) computes them before the first step, from the samples that it trains on and not \
from those that it holds out; [`Weights::adapt`](crate::weights::Weights::adapt) does so for any data set."
)]
/// Before that the deviations are 0, so that every output is infinite or NaN.
///
/// In PyTorch:
///
/// ```python
/// class Standardize(nn.Module):
///     def __init__(self, n):
///         super().__init__()
///         self.register_buffer("mean", torch.zeros(n))
///         self.register_buffer("std", torch.zeros(n))
///     def forward(self, x):
///         return (x - self.mean) / self.std
/// ```
///
/// Source: `keras.layers.Normalization`.
///
/// ```
/// # #[cfg(feature = "train")] {
/// use tuplenet::{prelude::*, shape::Features, target::Values};
///
/// type Net = (Standardize<2>, Linear<2, 8>, Tanh, Linear<8, 1>);
/// let heights_and_weights = vec![1.60, 61.0, 1.80, 85.0, 1.70, 64.0];
/// let data = Dataset::<Features<2>, Values<1>>::regression(heights_and_weights, vec![0.2, 0.6, 0.4])?;
///
/// let mut net = Fused::<Net>::new(Weights::init(1))?;
/// Trainer::new(Adam::default()).epochs(3).batch(3).loss(MeanSquaredError).fit(&mut net, &data)?;
/// let weights = net.weights()?;
/// let buffers: Vec<_> = weights.buffers().collect();
/// assert_eq!([&*buffers[0].name, &*buffers[1].name], ["0.mean", "0.std"]);
/// assert_eq!(buffers[0].values, [1.7, 70.0]);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Standardize<const N: usize>;

impl<const N: usize> Layer<Features<N>> for Standardize<N> {
    type Out = Features<N>;
    const PLAN: Plan = Plan::elementwise(Op::Standardize, N);
}

impl<const N: usize> First for Standardize<N> {
    type In = Features<N>;
}
