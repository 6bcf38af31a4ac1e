//! Layer normalisation, composed of dfdx's means and broadcasts.
//!
//! Dims: `B` = batch size, `N` = values of a sample.

use dfdx::prelude::{
    Axis, BroadcastTo, Device, HasShape, MeanTo, Merge, NoneTape, ReshapeTo, Tape, TryAdd, TryDiv,
    TryMul, TrySub,
};

use super::layer::{Layer, Matrix, add_bias};
use crate::plan::Op;

/// Normalises each sample of `x`, `[B, N]`, by its own mean and variance.
pub(super) fn layer_norm<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    layer: &Layer<D>,
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let shape = *x.shape();
    let mean = x.retaped::<T>().try_mean::<(usize,), Axis<1>>()?;
    let centred = x.try_sub(mean.try_broadcast_like::<_, Axis<1>>(&shape)?)?;
    let squares = centred.retaped::<T>().try_square()?;
    let variance = squares.try_mean::<(usize,), Axis<1>>()?;
    let deviation = variance.try_add(Op::EPSILON as f32)?.try_sqrt()?;
    let deviation = deviation.try_broadcast_like::<_, Axis<1>>(&shape)?;
    let weight = layer.weight.clone().try_reshape_like(&(shape.1,))?;
    let weight = weight.try_broadcast_like::<_, Axis<0>>(&shape)?;
    add_bias::<D, _, Axis<0>, T>(layer, centred.try_div(deviation)?.try_mul(weight)?)
}
