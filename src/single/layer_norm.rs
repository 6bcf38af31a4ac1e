//! Layer normalisation of one sample.

use super::{BLOCK, Matrix, norm::sqrtf};
use crate::plan::Op;

/// `y = w (x - m) / sqrt(v + 1e-5) + b` in place, then ReLU if `relu`, where `m` and `v` are the mean and the variance of
/// the values.
///
/// The values are `[rows][columns]`; their weights and biases are in the plan's order, `[columns][rows]`.
///
/// # Safety
/// The matrix has a weight and a bias for each value.
#[inline(always)]
pub(super) unsafe fn normalize_sample(
    values: &mut [f32],
    [rows, columns]: [usize; 2],
    parameters: impl Matrix,
    relu: bool,
) {
    let len = values.len() as f32;
    // The first sum is rounded at the size of the values, the second one at the size of their distances.
    let near = sum(values, |x| x) / len;
    let mean = near + sum(values, |x| x - near) / len;
    let variance = sum(values, |x| (x - mean) * (x - mean)) / len;
    let inverse = 1.0 / sqrtf(variance + Op::EPSILON as f32);
    for (row, values) in values.chunks_exact_mut(columns.max(1)).enumerate() {
        for (column, value) in values.iter_mut().enumerate() {
            // SAFETY: guaranteed by the caller.
            let [weight, bias] = unsafe { parameters.of_channel(column * rows + row) };
            let y = (*value - mean) * (weight * inverse) + bias;
            *value = if relu && y < 0.0 { 0.0 } else { y };
        }
    }
}

/// The sum of a term of each value, in 16 partial sums.
#[inline(always)]
pub(super) fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    let (chunks, rest) = values.as_chunks::<BLOCK>();
    let mut sums = [0.0; BLOCK];
    for chunk in chunks {
        for (sum, &value) in sums.iter_mut().zip(chunk) {
            *sum += term(value);
        }
    }
    for (sum, &value) in sums.iter_mut().zip(rest) {
        *sum += term(value);
    }
    sums.iter().sum()
}
