//! A standardisation, composed of dfdx's broadcasts.
//!
//! Dims: `B` = batch size, `I` = features.

use dfdx::prelude::{
    Axis, BroadcastTo, Device, HasShape, Merge, NoneTape, Tape, Tensor, TryDiv, TrySub,
};

use super::layer::Matrix;

/// `(x - mean) / deviation` of `x`, `[B, I]`; `statistics` are the means `[I]`, then the standard deviations `[I]`.
pub(super) fn standardize<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    statistics: &[f32],
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let (shape, device) = (*x.shape(), x.device().clone());
    let broadcast = |values: &[f32]| {
        let values: Tensor<(usize,), f32, D> =
            device.try_tensor_from_vec(values.to_vec(), (values.len(),))?;
        values.try_broadcast_like::<_, Axis<0>>(&shape)
    };
    let (means, deviations) = statistics.split_at(statistics.len() / 2);
    x.try_sub(broadcast(means)?)?
        .try_div(broadcast(deviations)?)
}
