//! The parametric ReLU.
//!
//! Dims: `B` = batch size, `C` = slopes, `P` = values of a slope.

use dfdx::prelude::{
    Axes2, BroadcastTo, ChooseFrom, Device, HasShape, Merge, NoneTape, ReshapeTo, Tape, Tensor,
    TryGt, TryMul,
};

use super::layer::{Layer, Matrix};

/// `x`, `[B, C P]`, where it is above 0, else `x` times its slope.
///
/// dfdx's own `prelu` panics when memory runs out.
pub(super) fn prelu<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    layer: &Layer<D>,
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let ((batch, width), slopes) = (*x.shape(), layer.weight.shape().0);
    let shape = (batch, slopes, width / slopes);
    let slope = layer.weight.clone().try_reshape_like(&(slopes,))?;
    let slope = slope.try_broadcast_like::<_, Axes2<0, 2>>(&shape)?;
    let x = x.try_reshape_like(&shape)?;
    // 0 and not `x` where that is above 0, as an infinite one times its gradient of 0 would be NaN
    let zeros: Tensor<_, f32, D> = x.device().try_zeros_like(&shape)?;
    let below = x
        .try_gt(0.0)?
        .try_choose(zeros.retaped::<T>(), x.retaped::<T>())?;
    let scaled = below.try_mul(slope)?;
    let y = x.try_gt(0.0)?.try_choose(x, scaled)?;
    y.try_reshape_like(&(batch, width))
}
