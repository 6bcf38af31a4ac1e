//! Embeddings: rows of a table, pooled over the tokens of a sample.
//!
//! Dims: `B` = batch size, `L` = tokens of a sample, `V` = vocabulary, `D` = features.

use dfdx::prelude::{
    Axis, BroadcastTo, ChooseFrom, Device, GatherTo, HasShape, Merge, NoneTape, PutTape, ReshapeTo,
    SplitTape, SumTo, Tape, Tensor, TryDiv, TryLe, TryMul,
};

use super::{
    image::gather,
    layer::{Layer, Matrix},
};
use crate::{plan::Pooling, token::index_of};

/// The rows of the table `[V, D]` for one category of each sample, `[B, 1]`; `[B, D]`.
pub(super) fn embedding<D: Device<f32>, T: Tape<f32, D>>(
    layer: &Layer<D>,
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let (x, tape) = x.split_tape();
    rows(layer, &tokens(layer, &x.as_vec()), tape)
}

/// 1 for the category of each sample, `[B, 1]`, else 0; `[B, V]`.
pub(super) fn one_hot<D: Device<f32>, T: Tape<f32, D>>(
    categories: usize,
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let (x, tape) = x.split_tape();
    let tokens = x.as_vec();
    let mut y = vec![0.0; tokens.len() * categories];
    for (row, &token) in y.chunks_exact_mut(categories).zip(&tokens) {
        row[index_of(token, categories)] = 1.0;
    }
    let y: Matrix<D> = x
        .device()
        .try_tensor_from_vec(y, (tokens.len(), categories))?;
    Ok(y.put_tape(tape))
}

/// The rows of the table `[V, D]` for the tokens `[B, L]`, as images of `D` channels and one row; `[B, D L]`. That of
/// token 0 has no gradient.
pub(super) fn token_embedding<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape> + Merge<T>>(
    layer: &Layer<D>,
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let ((batch, len), features) = (*x.shape(), layer.weight.shape().1);
    let device = x.device().clone();
    let (x, tape) = x.split_tape();
    let tokens = tokens(layer, &x.as_vec());
    let rows = rows(layer, &tokens, tape)?;
    let tokens = tokens
        .iter()
        .flat_map(|&token| vec![token as f32; features]);
    let tokens: Matrix<D> = device.try_tensor_from_vec(tokens.collect(), *rows.shape())?;
    // dfdx panics on a choice between a tensor and itself; the product is another tensor of the same values
    let constant = rows.retaped::<NoneTape>().try_mul(1.0)?.retaped::<T>();
    let rows = tokens.try_le(0.0)?.try_choose(constant, rows)?;
    let channels_first = (0..features * len).map(|at| at % len * features + at / len);
    let images = rows.try_reshape_like(&(batch, len * features))?;
    gather(images, &channels_first.collect::<Vec<_>>())
}

/// The rows of the table `[V, D]` for the tokens `[B, L]` that are not 0, pooled; `[B, D]`.
pub(super) fn embedding_bag<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape>>(
    layer: &Layer<D>,
    pooling: Pooling,
    x: Matrix<D, T>,
) -> Result<Matrix<D, T>, D::Err> {
    let ((batch, width), features) = (*x.shape(), layer.weight.shape().1);
    let device = x.device().clone();
    let (x, tape) = x.split_tape();
    // of a weighted sum, the second half are numbers
    let len = match pooling {
        Pooling::Weighted => width / 2,
        _ => width,
    };
    let values = x.as_vec();
    let halves = values.chunks_exact(width).map(|row| row.split_at(len));
    let (words, numbers): (Vec<&[f32]>, Vec<&[f32]>) = halves.unzip();
    let tokens = tokens(layer, &words.concat());
    let rows = rows(layer, &tokens, tape)?;
    if pooling == Pooling::Max {
        return largest(&device, &tokens, rows, (batch, len, features));
    }
    let is_word = |&token: &usize| if token > 0 { 1.0 } else { 0.0 };
    let mut words: Vec<f32> = tokens.iter().map(is_word).collect();
    if pooling == Pooling::Weighted {
        for (word, number) in words.iter_mut().zip(numbers.concat()) {
            *word *= number;
        }
    }
    let counts = words.chunks_exact(len).map(|words| words.iter().sum());
    // the sum of none is 0
    let counts = counts.map(|count: f32| count.max(1.0)).collect();
    let shape = (batch, len, features);
    let words: Matrix<D> = device.try_tensor_from_vec(words, (batch, len))?;
    let words = words.try_broadcast_like::<_, Axis<2>>(&shape)?;
    let sum = rows
        .try_reshape_like(&shape)?
        .try_mul(words)?
        .try_sum::<_, Axis<1>>()?;
    if pooling != Pooling::Mean {
        return Ok(sum);
    }
    let counts: Tensor<(usize,), f32, D> = device.try_tensor_from_vec(counts, (batch,))?;
    sum.try_div(counts.try_broadcast_like::<_, Axis<1>>(&(batch, features))?)
}

/// Of each feature the value of the first token that has the largest one; a NaN counts as larger than any number.
fn largest<D: Device<f32>, T: Tape<f32, D> + Merge<NoneTape>>(
    device: &D,
    tokens: &[usize],
    rows: Matrix<D, T>,
    (batch, len, features): (usize, usize, usize),
) -> Result<Matrix<D, T>, D::Err> {
    let values = rows.as_vec();
    let mut sources = vec![0; batch * features];
    let mut has_words = vec![0.0; batch * features];
    for (at, source) in sources.iter_mut().enumerate() {
        let (sample, feature) = (at / features, at % features);
        let mut most = None;
        for position in (0..len).filter(|position| tokens[sample * len + position] > 0) {
            let value = values[(sample * len + position) * features + feature];
            if most.is_none_or(|most: f32| value > most || value.is_nan() && !most.is_nan()) {
                (most, *source, has_words[at]) = (Some(value), position * features + feature, 1.0);
            }
        }
    }
    let shape = (batch, features);
    let sources: Tensor<(usize, usize), usize, D> = device.try_tensor_from_vec(sources, shape)?;
    let has_words: Matrix<D> = device.try_tensor_from_vec(has_words, shape)?;
    let of_samples = rows.try_reshape_like(&(batch, len * features))?;
    of_samples.try_gather(sources)?.try_mul(has_words)
}

/// The tokens with these values.
fn tokens<D: Device<f32>>(layer: &Layer<D>, values: &[f32]) -> Vec<usize> {
    let vocabulary = layer.weight.shape().0;
    let tokens = values.iter().map(|&value| index_of(value, vocabulary));
    tokens.collect()
}

/// The rows of the table for these tokens.
fn rows<D: Device<f32>, T: Tape<f32, D>>(
    layer: &Layer<D>,
    tokens: &[usize],
    tape: T,
) -> Result<Matrix<D, T>, D::Err> {
    let device = layer.weight.device();
    let tokens: Tensor<(usize,), usize, D> =
        device.try_tensor_from_vec(tokens.to_vec(), (tokens.len(),))?;
    layer.weight.clone().put_tape(tape).try_gather(tokens)
}
