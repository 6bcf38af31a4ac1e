//! The parameters of a network as dfdx's tensors, and their product with a batch.

use dfdx::prelude::{
    Axes, Axes2, Axis, Backward, BroadcastShapeTo, BroadcastTo, Device, Gradients, HasShape, Merge,
    NoneTape, PermuteTo, Shape, SumTo, Tape, Tensor, Trace, TryAdd, TryMatMul, TryMul,
};

use crate::plan::Plan;

pub(super) type Matrix<D, T = NoneTape> = Tensor<(usize, usize), f32, D, T>;
type Vector<D, T = NoneTape> = Tensor<(usize,), f32, D, T>;

/// The parameters of one step: `weight` `[O, I]` (of a convolution: `[O, C K L]`, of an embedding: `[V, O]`), and `bias`
/// `[O]` if it has one.
#[derive(Clone, Debug)]
pub(super) struct Layer<D: Device<f32>> {
    pub(super) weight: Matrix<D>,
    pub(super) bias: Option<Vector<D>>,
}

/// The layers of `plan` with the parameters `values`.
pub(super) fn layers<D: Device<f32>>(
    device: &D,
    plan: &Plan,
    values: &[f32],
) -> Result<Vec<Layer<D>>, D::Err> {
    let with_params = plan.steps().iter().filter(|step| step.has_params());
    with_params
        .map(|step| {
            let [outputs, inputs] = step.weight_matrix();
            let (weight, bias) =
                values[step.offset..step.offset + step.params()].split_at(inputs * outputs);
            let shape = match step.is_table() {
                true => (inputs, outputs),
                false => (outputs, inputs),
            };
            Ok(Layer {
                weight: device.try_tensor_from_vec(weight.to_vec(), shape)?,
                bias: match step.has_bias() {
                    true => Some(device.try_tensor_from_vec(bias.to_vec(), (outputs,))?),
                    false => None,
                },
            })
        })
        .collect()
}

/// Buffers of dfdx that hold `values` for the parameters of `layers`, one for each.
///
/// In dfdx only the backward pass can write such a buffer; the gradient of `sum(w v)` with respect to `w` is exactly
/// `v`.
pub(super) fn as_gradients<D: Device<f32>>(
    layers: &[Layer<D>],
    values: impl IntoIterator<Item = Result<Layer<D>, D::Err>>,
) -> Result<Gradients<f32, D>, D::Err> {
    let mut sum = None;
    for (of, values) in layers.iter().zip(values) {
        let values = values?;
        let weight = of.weight.leaky_trace().try_mul(values.weight)?;
        let mut layer = weight.try_sum::<(), _>()?;
        if let (Some(bias), Some(values)) = (&of.bias, values.bias) {
            let bias = bias.leaky_trace().try_mul(values)?;
            layer = layer.try_add(bias.try_sum::<(), _>()?)?;
        }
        sum = Some(match sum {
            None => layer,
            Some(sum) => layer.try_add(sum)?,
        });
    }
    sum.map_or(Ok(Gradients::leaky()), |sum| sum.try_backward())
}

impl<D: Device<f32>> Layer<D> {
    /// Appends the gradients of weight and bias to `flat`.
    pub(super) fn append_gradient(
        &self,
        gradients: &mut Gradients<f32, D>,
        flat: &mut Vec<f32>,
    ) -> Result<(), D::Err> {
        gradients.try_alloc_for(&self.weight)?;
        flat.extend(gradients.get(&self.weight).as_vec());
        if let Some(bias) = &self.bias {
            gradients.try_alloc_for(bias)?;
            flat.extend(gradients.get(bias).as_vec());
        }
        Ok(())
    }
}

/// `y` plus the bias, if there is one, broadcast along the axes `Ax`.
pub(super) fn add_bias<D, S, Ax, T>(
    layer: &Layer<D>,
    y: Tensor<S, f32, D, T>,
) -> Result<Tensor<S, f32, D, T>, D::Err>
where
    D: Device<f32>,
    S: Shape,
    Ax: Axes,
    (usize,): BroadcastShapeTo<S, Ax>,
    T: Tape<f32, D> + Merge<NoneTape>,
{
    let Some(bias) = &layer.bias else {
        return Ok(y);
    };
    let bias = bias.clone().try_broadcast_like::<S, Ax>(y.shape())?;
    y.try_add(bias)
}

/// `y = x W^T + b`: `[B, I]` to `[B, O]`.
pub(super) fn linear<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape>>(
    layer: &Layer<D>,
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let transposed = layer.weight.clone().try_permute::<_, Axes2<1, 0>>()?;
    add_bias::<D, _, Axis<0>, T>(layer, x.try_matmul(transposed)?)
}
