//! The embedding of one sample: rows of a table.
//!
//! `row` gives 16 values of the row `W[x]` of a token's value `x`, from those of an output on.

use super::BLOCK;
use crate::plan::Pooling;

/// `y = W[x]` for one token `x`, then ReLU if `relu`.
#[inline(always)]
pub(super) fn embed(
    token: &[f32],
    row: impl Fn(f32, usize) -> [f32; BLOCK],
    relu: bool,
    output: &mut [f32],
) {
    let token = token.first().copied().unwrap_or_default();
    for (block, output) in output.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        *output = row(token, block * BLOCK);
        if relu {
            output
                .iter_mut()
                .filter(|value| **value < 0.0)
                .for_each(|value| *value = 0.0);
        }
    }
}

/// `y[i] = W[x[i]]` for the tokens `x`, then ReLU if `relu`: an image of one row, its channels last.
#[inline(always)]
pub(super) fn embed_tokens(
    tokens: &[f32],
    row: impl Fn(f32, usize) -> [f32; BLOCK],
    relu: bool,
    output: &mut [f32],
) {
    let channels = output.len() / tokens.len().max(1);
    for (&token, output) in tokens.iter().zip(output.chunks_exact_mut(channels.max(1))) {
        for (block, output) in output.chunks_mut(BLOCK).enumerate() {
            for (output, value) in output.iter_mut().zip(row(token, block * BLOCK)) {
                *output = if relu && value < 0.0 { 0.0 } else { value };
            }
        }
    }
}

/// `y = pool(W[x[0]], W[x[1]], ..)`, then ReLU if `relu`, for the tokens `x` that are not 0; zeros where all are. `input` has the
/// tokens, and after them a number for each, if the pooling takes them.
#[inline(always)]
pub(super) fn embed_bag(
    input: &[f32],
    row: impl Fn(f32, usize) -> [f32; BLOCK],
    pooling: Pooling,
    relu: bool,
    output: &mut [f32],
) {
    let (tokens, numbers) = match pooling {
        Pooling::Weighted => input.split_at_checked(input.len() / 2).unwrap_or_default(),
        _ => (input, &[][..]),
    };
    let count = tokens.iter().filter(|&&token| token != 0.0).count();
    for (block, output) in output.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
        let mut pooled = match pooling {
            Pooling::Max if count > 0 => [f32::NEG_INFINITY; BLOCK],
            _ => [0.0; BLOCK],
        };
        for (at, &token) in tokens
            .iter()
            .enumerate()
            .filter(|&(_, &token)| token != 0.0)
        {
            let number = numbers.get(at).copied().unwrap_or(1.0);
            for (pooled, value) in pooled.iter_mut().zip(row(token, block * BLOCK)) {
                match pooling {
                    Pooling::Sum | Pooling::Mean => *pooled += value,
                    Pooling::Weighted => *pooled += number * value,
                    // not `max`, which loses a NaN
                    Pooling::Max if *pooled >= value || pooled.is_nan() => {}
                    Pooling::Max => *pooled = value,
                }
            }
        }
        for (pooled, output) in pooled.iter_mut().zip(output) {
            if let (Pooling::Mean, 1..) = (pooling, count) {
                *pooled /= count as f32;
            }
            *output = if relu && *pooled < 0.0 { 0.0 } else { *pooled };
        }
    }
}
