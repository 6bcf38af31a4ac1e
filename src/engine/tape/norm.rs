//! Batch normalisation, composed of dfdx's means and broadcasts.
//!
//! Dims: `B` = batch size, `C` = channels, `P` = values of a channel.

use dfdx::prelude::{
    Axes2, BroadcastTo, Device, HasShape, MeanTo, Merge, NoneTape, ReshapeTo, Tape, Tensor, TryAdd,
    TryDiv, TryMul, TrySub,
};

use super::layer::{Layer, Matrix, add_bias};
use crate::{
    plan::{Op, Plan},
    weights::{RunningStatistics, batch_norms},
};

/// `[B, C, P]`.
type Channels<D, T> = Tensor<(usize, usize, usize), f32, D, T>;

/// The mean and the variance of each channel in a batch, `[C]`.
pub(super) struct BatchStatistics {
    mean: Vec<f32>,
    variance: Vec<f32>,
    /// `B P`.
    values: usize,
}

/// Normalises `x`, `[B, C P]`, by the statistics of the batch, which are returned.
pub(super) fn by_batch<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    layer: &Layer<D>,
    channels: usize,
    x: Matrix<D, T>,
) -> Result<(Matrix<D, T>, BatchStatistics), D::Err> {
    let (batch, width) = *x.shape();
    let shape = (batch, channels, width / channels);
    let x = x.try_reshape_like(&shape)?;
    let mean = x.retaped::<T>().try_mean::<(usize,), Axes2<0, 2>>()?;
    let mut statistics = BatchStatistics {
        mean: mean.as_vec(),
        variance: Vec::new(),
        values: batch * shape.2,
    };
    let centred = x.try_sub(mean.try_broadcast_like::<_, Axes2<0, 2>>(&shape)?)?;
    let squares = centred.retaped::<T>().try_square()?;
    let variance = squares.try_mean::<(usize,), Axes2<0, 2>>()?;
    statistics.variance = variance.as_vec();
    let y = scaled(layer, centred, variance)?;
    Ok((y.try_reshape_like(&(batch, width))?, statistics))
}

/// Normalises `x`, `[B, C P]`, by these means and variances, `[C]` each.
pub(super) fn by_running<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    layer: &Layer<D>,
    running: &[f32],
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let ((batch, width), channels) = (*x.shape(), running.len() / 2);
    let shape = (batch, channels, width / channels);
    let (mean, variance) = running.split_at(channels);
    let device = x.device().clone();
    let tensor = |values: &[f32]| device.try_tensor_from_vec(values.to_vec(), (channels,));
    let (mean, variance): (Tensor<(usize,), f32, D>, _) = (tensor(mean)?, tensor(variance)?);
    let x = x.try_reshape_like(&shape)?;
    let mean = mean.retaped::<T>();
    let centred = x.try_sub(mean.try_broadcast_like::<_, Axes2<0, 2>>(&shape)?)?;
    let y = scaled(layer, centred, variance.retaped::<T>())?;
    y.try_reshape_like(&(batch, width))
}

/// `w x / sqrt(v + 1e-5) + b`.
fn scaled<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    layer: &Layer<D>,
    centred: Channels<D, T>,
    variance: Tensor<(usize,), f32, D, T>,
) -> Result<Channels<D, T>, D::Err> {
    let shape = *centred.shape();
    let deviation = variance.try_add(Op::EPSILON as f32)?.try_sqrt()?;
    let deviation = deviation.try_broadcast_like::<_, Axes2<0, 2>>(&shape)?;
    let weight = layer.weight.clone().try_reshape_like(&(shape.1,))?;
    let weight = weight.try_broadcast_like::<_, Axes2<0, 2>>(&shape)?;
    add_bias::<D, _, Axes2<0, 2>, T>(layer, centred.try_div(deviation)?.try_mul(weight)?)
}

/// Adds a batch to the running statistics; see [`Op::BatchNorm`].
pub(super) fn update(running: &mut RunningStatistics, plan: &Plan, batch: &[BatchStatistics]) {
    for ((step, of_batch), batches) in batch_norms(plan).zip(batch).zip(&mut running.batches) {
        let end = step.statistics + step.statistics_len();
        let (means, variances) =
            running.values[step.statistics..end].split_at_mut(step.statistics_len() / 2);
        let values = of_batch.values as f64;
        let unbiased = values / (values - 1.0);
        for (running, &mean) in means.iter_mut().zip(&of_batch.mean) {
            *running = Op::running_average(*running, f64::from(mean));
        }
        for (running, &variance) in variances.iter_mut().zip(&of_batch.variance) {
            *running = Op::running_average(*running, f64::from(variance) * unbiased);
        }
        *batches += 1;
    }
}
