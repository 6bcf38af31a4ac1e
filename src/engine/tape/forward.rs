//! The plan's steps as dfdx operations: one match arm per [`Op`]. `image.rs` has those on images.

use dfdx::prelude::{
    Axis, ChooseFrom, Device, HasShape, Merge, NoneTape, ReshapeTo, SumTo, Tape, TryAdd, TryDiv,
    TryGe, TryLe, TryMul, TrySub,
};

use super::{
    concat::concat,
    embedding::{embedding, embedding_bag, one_hot, token_embedding},
    image::{avg_pool2d, conv2d, gather, max_pool2d},
    layer::{Layer, Matrix, linear},
    layer_norm::layer_norm,
    norm::{BatchStatistics, by_batch, by_running},
    prelu::prelu,
    standardize::standardize,
    values::Values,
};
use crate::{
    plan::{Op, Plan},
    seed::dropout2d_row,
    weights::RunningStatistics,
};

/// Determines the dropout masks: the run's seed and the number of the step.
#[derive(Clone, Copy)]
pub(super) struct Dropouts {
    pub(super) seed: u64,
    pub(super) step: u64,
    /// The row of the batch that is the first of this rank's part.
    pub(super) first_row: usize,
}

/// What a forward pass is for.
pub(super) enum Pass {
    /// Dropout does nothing, and batch normalisation uses the running statistics.
    Inference,
    /// Batch normalisation uses the statistics of the batch.
    Training {
        /// None where dropout does nothing.
        dropouts: Option<Dropouts>,
        /// Those of each batch normalisation, which the pass appends.
        statistics: Vec<BatchStatistics>,
    },
}

impl Pass {
    pub(super) fn training(dropouts: Option<Dropouts>) -> Self {
        let statistics = Vec::new();
        Pass::Training {
            dropouts,
            statistics,
        }
    }

    /// The statistics that a pass has appended.
    pub(super) fn statistics(&self) -> &[BatchStatistics] {
        match self {
            Pass::Inference => &[],
            Pass::Training { statistics, .. } => statistics,
        }
    }
}

/// The logits of `x` `[B, I]`. `layers` has one for each step with parameters, as [`layers`](super::layer::layers) makes
/// them.
pub(super) fn forward<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    plan: &Plan,
    (layers, running): (&[Layer<D>], &RunningStatistics),
    x: Matrix<D, T>,
    pass: &mut Pass,
) -> Result<Matrix<D, T>, D::Err> {
    let mut ordinal = 0;
    let mut values = Values::new(plan, x);
    for (index, step) in plan.steps().iter().enumerate() {
        let x = values.take(step.input(index));
        let others = step.operands(index).skip(1);
        let others: Vec<_> = others.map(|value| values.take(value)).collect();
        let y = match step.op {
            Op::Linear => linear(&layers[ordinal], x)?,
            Op::Conv2d(window) => conv2d(&layers[ordinal], window, x)?,
            Op::MaxPool2d(window) => max_pool2d(window, x)?,
            Op::AvgPool2d(window) => avg_pool2d(window, x)?,
            Op::Embedding { .. } => embedding(&layers[ordinal], x)?,
            Op::TokenEmbedding { .. } => token_embedding(&layers[ordinal], x)?,
            Op::EmbeddingBag { pooling, .. } => embedding_bag(&layers[ordinal], pooling, x)?,
            Op::OneHot => one_hot(step.outputs, x)?,
            Op::Narrow { start } => {
                let values: Vec<usize> = (start..start + step.outputs).collect();
                gather(x, &values)?
            }
            Op::Dot { .. } => {
                let mut product = x;
                for z in others {
                    // as for the sum below
                    product = product.try_mul(z.try_mul(1.0)?)?;
                }
                let (batch, _) = *product.shape();
                let sum = product.try_sum::<(usize,), Axis<1>>()?;
                sum.try_reshape_like(&(batch, 1))?
            }
            Op::Flatten => x,
            Op::Add { .. } => {
                let mut sum = x;
                for z in others {
                    // dfdx panics on the sum of a tensor and itself; the product is another tensor of the same values
                    sum = sum.try_add(z.try_mul(1.0)?)?;
                }
                sum
            }
            Op::Concat { .. } => concat(x, others)?,
            Op::Relu => relu(x)?,
            Op::Sigmoid => x.try_sigmoid()?,
            Op::Tanh => x.try_tanh()?,
            Op::LeakyRelu { slope_percent } => {
                // dfdx's own `prelu` panics when memory runs out
                let slope = slope_percent as f32 / 100.0;
                let scaled = x.retaped::<T>().try_mul(slope)?;
                x.try_le(0.0)?.try_choose(scaled, x)?
            }
            Op::PRelu { .. } => prelu(&layers[ordinal], x)?,
            Op::Gelu => gelu(x)?,
            Op::Softplus => {
                // ln(1 + exp(min(x, 20))) + max(x - 20, 0): exp stays finite
                let above = relu(x.retaped::<T>().try_sub(20.0)?)?;
                x.try_clamp(f32::MIN, 20.0)?
                    .try_exp()?
                    .try_add(1.0)?
                    .try_ln()?
                    .try_add(above)?
            }
            Op::Silu => {
                let sigmoid = x.retaped::<T>().try_sigmoid()?;
                x.try_mul(sigmoid)?
            }
            Op::Elu { alpha_percent } => elu(alpha_percent as f32 / 100.0, x)?,
            Op::Hardswish => hardswish(x)?,
            Op::BatchNorm { channels } => match pass {
                Pass::Inference => {
                    let end = step.statistics + step.statistics_len();
                    let running = &running.values[step.statistics..end];
                    by_running(&layers[ordinal], running, x)?
                }
                Pass::Training { statistics, .. } => {
                    let (y, of_batch) = by_batch(&layers[ordinal], channels, x)?;
                    statistics.push(of_batch);
                    y
                }
            },
            Op::Standardize => {
                let end = step.statistics + step.statistics_len();
                standardize(&running.values[step.statistics..end], x)?
            }
            Op::LayerNorm { .. } => layer_norm(&layers[ordinal], x)?,
            Op::Dropout { percent } => dropout(pass, index, percent, step.inputs, x)?,
            Op::Dropout2d { percent, channels } => dropout(pass, index, percent, channels, x)?,
        };
        values.push(y);
        ordinal += usize::from(step.has_params());
    }
    Ok(values.take(plan.steps().len()))
}

/// `x` times the mask of the plan's operation `index`, which drops `parts` parts of a sample each by itself; outside of
/// training, `x`.
fn dropout<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape>>(
    pass: &Pass,
    index: usize,
    percent: u32,
    parts: usize,
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let Pass::Training {
        dropouts:
            Some(Dropouts {
                seed,
                step,
                first_row,
            }),
        ..
    } = *pass
    else {
        return Ok(x);
    };
    let shape = *x.shape();
    let mut mask = vec![0.0; shape.0 * shape.1];
    for (row, out) in mask.chunks_exact_mut(shape.1).enumerate() {
        dropout2d_row(seed, step, index, percent, first_row + row, parts, out);
    }
    let mask: Matrix<D> = x.device().try_tensor_from_vec(mask, shape)?;
    x.try_mul(mask)
}

/// `0` where `x <= 0`, else `x`, and the gradient likewise: a NaN is not below 0, so it is propagated, as in PyTorch.
///
/// dfdx's own ReLU is `max(x, 0)`, and the maximum of a NaN and a number is the number.
fn relu<D: Device<f32>, T: Tape<f32, D> + Merge<T>>(
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let zeros: Matrix<D> = x.device().try_zeros_like(x.shape())?;
    x.try_le(0.0)?.try_choose(zeros.retaped::<T>(), x)
}

/// `x` where `x > 0` or NaN, else `alpha (exp(x) - 1)`, as `alpha tanh(x/2) (exp(x) + 1)`: nothing cancels near 0.
fn elu<D: Device<f32>, T: Tape<f32, D> + Merge<T>>(
    alpha: f32,
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    // exp stays finite
    let below = x.retaped::<T>().try_clamp(f32::MIN, 0.0)?;
    let tanh = below.retaped::<T>().try_mul(0.5)?.try_tanh()?;
    let below = below
        .try_exp()?
        .try_add(1.0)?
        .try_mul(tanh)?
        .try_mul(alpha)?;
    x.try_le(0.0)?.try_choose(below, x)
}

/// `x` times a gate from 0 to 1, whose gradient is 0 from -3 down and from 3 up.
fn hardswish<D: Device<f32>, T: Tape<f32, D> + Merge<T>>(
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let ones: Matrix<D> = x.device().try_ones_like(x.shape())?;
    let gate = relu(x.retaped::<T>().try_add(3.0)?)?.try_div(6.0)?;
    let gate = x.try_ge(3.0)?.try_choose(ones.retaped::<T>(), gate)?;
    x.try_mul(gate)
}

/// dfdx's exact GELU, with its gradient corrected.
///
/// dfdx 0.13's derivative of `accurate_gelu` has `x exp(-x²/2) / sqrt(pi)` instead of `x exp(-x²/2) / sqrt(2 pi)`.
/// `bump = c exp(-x²/2)` has the derivative `-c x exp(-x²/2)`; with `c` the difference of the two factors, adding
/// `bump` and subtracting the same numbers without a tape keeps the value and corrects the gradient.
fn gelu<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let zero_with_a_gradient = bump(x.retaped::<T>())?.try_sub(bump(x.retaped::<NoneTape>())?)?;
    x.try_accurate_gelu()?.try_add(zero_with_a_gradient)
}

/// `c exp(-x²/2)`, `c = 1 / sqrt(pi) - 1 / sqrt(2 pi)`.
fn bump<D: Device<f32>, T: Tape<f32, D>>(x: Matrix<D, T>) -> Result<Matrix<D, T>, D::Err> {
    let c = (1.0 - std::f32::consts::FRAC_1_SQRT_2) * std::f32::consts::FRAC_2_SQRT_PI / 2.0;
    x.try_square()?.try_mul(-0.5)?.try_exp()?.try_mul(c)
}
