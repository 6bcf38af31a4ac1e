//! Operations on images, as `[B, C H W]` matrices, composed of dfdx's gather, matrix product and choice.
//!
//! dfdx 0.13 has convolutions and pooling on nightly Rust only. Its maximum would also drop a NaN, as its maximum of a
//! NaN and a number is the number, and give the gradient to every one of equal maxima.
//!
//! Dims: `P` positions of a kernel on an image, `K` values of the kernel.

use dfdx::prelude::{
    Axes2, Axes3, Axis, BroadcastTo, ChooseFrom, Device, GatherTo, HasShape, MeanTo, Merge,
    NoneTape, PermuteTo, ReshapeTo, Tape, Tensor, TryAdd, TryGt, TryMatMul, TryNe,
};

use super::layer::{Layer, Matrix, linear};
use crate::plan::Window;

/// The convolution of `x`, `[B, C H W]`; `[B, O P]`. Each position's inputs of a group become a row, which is multiplied by
/// the group's kernels.
pub(super) fn conv2d<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    layer: &Layer<D>,
    window: Window,
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let (batch, [outputs, rows, columns]) = (x.shape().0, window.output);
    let (positions, inputs) = (rows * columns, window.fan_in());
    let (groups, [channels, of_group]) = (window.groups, window.group_channels());
    let mut sources = Vec::with_capacity(groups * positions * inputs);
    for group in 0..groups {
        for position in positions_of(window) {
            let channels = group * channels..(group + 1) * channels;
            sources.extend(channels.flat_map(|channel| window_values(window, channel, position)));
        }
    }
    let patches = gather_or_zero(x, &sources)?;
    let y = if groups == 1 {
        linear(
            layer,
            patches.try_reshape_like(&(batch * positions, inputs))?,
        )?
        .try_reshape_like(&(batch, positions * outputs))?
    } else {
        let patches = patches.try_reshape_like(&(batch, groups, positions, inputs))?;
        let weight = layer.weight.clone();
        let weight = weight.try_reshape_like(&(groups, of_group, inputs))?;
        let weight = weight.try_permute::<_, Axes3<0, 2, 1>>()?;
        let weight = weight.try_broadcast_like::<_, Axis<0>>(&(batch, groups, inputs, of_group))?;
        let y = patches.try_matmul(weight)?;
        let y = match &layer.bias {
            Some(bias) => {
                let bias = bias.clone().try_reshape_like(&(groups, of_group))?;
                let bias = bias.try_broadcast_like::<_, Axes2<0, 2>>(y.shape())?;
                y.try_add(bias)?
            }
            None => y,
        };
        y.try_reshape_like(&(batch, positions * outputs))?
    };
    // [B, G P O / G] to [B, O P]
    let transposed = (0..outputs).flat_map(|output| {
        let (group, output) = (output / of_group, output % of_group);
        (0..positions).map(move |at| (group * positions + at) * of_group + output)
    });
    gather(y, &transposed.collect::<Vec<_>>())
}

/// The mean of every window of `x`, `[B, C H W]`; `[B, C P]`. Values outside of the image are zeros.
pub(super) fn avg_pool2d<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    window: Window,
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let batch = x.shape().0;
    let mut sources = Vec::with_capacity(window.outputs() * window.kernel[0] * window.kernel[1]);
    for channel in 0..window.input[0] {
        sources.extend(positions_of(window).flat_map(|at| window_values(window, channel, at)));
    }
    let values = gather_or_zero(x, &sources)?;
    let kernel = window.kernel[0] * window.kernel[1];
    let values = values.try_reshape_like(&(batch, window.outputs(), kernel))?;
    values.try_mean::<(usize, usize), Axis<2>>()
}

/// The maximum of every window of `x`, `[B, C H W]`; `[B, C P]`.
///
/// As PyTorch's loop: a later value takes the place of the maximum if it is larger or a NaN.
pub(super) fn max_pool2d<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    window: Window,
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let sources = |offset| {
        // Outside of the image: the value of the window that is nearest, which changes no maximum.
        let channels = 0..window.input[0];
        let of_channel = |channel| {
            positions_of(window).map(move |at| nearest_value(window, channel, at, offset))
        };
        channels.flat_map(of_channel).collect::<Vec<_>>()
    };
    let again = x.retaped::<T>();
    let mut maximum = gather(x, &sources([0, 0]))?;
    for offset in offsets(window).skip(1) {
        let values = gather(again.retaped::<T>(), &sources(offset))?;
        let is_nan = values.try_ne(&values)?;
        let is_larger = values.try_gt(&maximum)?;
        let larger = is_larger.try_choose(values.retaped::<T>(), maximum)?;
        maximum = is_nan.try_choose(values, larger)?;
    }
    Ok(maximum)
}

/// Rows and columns of every position of a kernel, row by row.
fn positions_of(window: Window) -> impl Iterator<Item = [usize; 2]> {
    let [_, rows, columns] = window.output;
    grid([rows, columns])
}

/// Rows and columns of every value of a kernel, row by row.
fn offsets(window: Window) -> impl Iterator<Item = [usize; 2]> {
    grid(window.kernel)
}

fn grid([rows, columns]: [usize; 2]) -> impl Iterator<Item = [usize; 2]> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| [row, column]))
}

/// The indices of a window's values in the image, row by row; `None` outside of it.
fn window_values(
    window: Window,
    channel: usize,
    position: [usize; 2],
) -> impl Iterator<Item = Option<usize>> {
    let [_, height, width] = window.input;
    offsets(window).map(move |offset| {
        let [y, x] = [0, 1].map(|axis| {
            (position[axis] * window.stride[axis] + offset[axis]).checked_sub(window.padding[axis])
        });
        let (y, x) = (y.filter(|&y| y < height)?, x.filter(|&x| x < width)?);
        Some((channel * height + y) * width + x)
    })
}

/// The index of a value of a window in the image; outside of it, of the nearest value of the window.
fn nearest_value(
    window: Window,
    channel: usize,
    position: [usize; 2],
    offset: [usize; 2],
) -> usize {
    let [_, height, width] = window.input;
    let clamped = |axis: usize, side: usize| {
        let at = position[axis] * window.stride[axis] + offset[axis];
        at.saturating_sub(window.padding[axis]).min(side - 1)
    };
    (channel * height + clamped(0, height)) * width + clamped(1, width)
}

/// For each sample, its values at `sources`, `[B, sources.len()]`.
pub(super) fn gather<D: Device<f32>, T: Tape<f32, D>>(
    x: Matrix<D, T>,
    sources: &[usize],
) -> Result<Matrix<D, T>, D::Err> {
    let batch = x.shape().0;
    let all = sources.repeat(batch);
    let all: Tensor<(usize, usize), usize, D> = x
        .device()
        .try_tensor_from_vec(all, (batch, sources.len()))?;
    x.try_gather(all)
}

/// As [`gather`], with zeros where there is no source.
fn gather_or_zero<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    x: Matrix<D, T>,
    sources: &[Option<usize>],
) -> Result<Matrix<D, T>, D::Err> {
    let indices: Vec<usize> = sources.iter().map(|source| source.unwrap_or(0)).collect();
    let (device, shape) = (x.device().clone(), (x.shape().0, sources.len()));
    let values = gather(x, &indices)?;
    if sources.iter().all(Option::is_some) {
        return Ok(values);
    }
    let is_inside = sources
        .iter()
        .map(|source| if source.is_some() { 1.0 } else { 0.0 });
    let is_inside = is_inside.collect::<Vec<f32>>().repeat(shape.0);
    let is_inside: Matrix<D> = device.try_tensor_from_vec(is_inside, shape)?;
    let zeros: Matrix<D> = device.try_zeros_like(&shape)?;
    is_inside
        .try_gt(0.0)?
        .try_choose(values, zeros.retaped::<T>())
}
