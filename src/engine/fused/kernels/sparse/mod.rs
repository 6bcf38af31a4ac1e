//! Products with sparse inputs: only non-zero values are multiplied.
//!
//! A word has a bit for each of 64 features of a sample, set if it is non-zero. Forward iterates over the bits of 64
//! samples, 64 features at a time, so that the corresponding 64 rows of weights stay in the L1 cache; the gradient
//! iterates over the transposed words, 64 samples each, for the same reason. The words come from a bitmap of the data set, or from
//! comparing the values with 0, which for bytes is as fast as loading them (one instruction for 64 bytes with AVX-512): a
//! sample is then one stretch of memory, not two. Compared with index lists, words were faster (on one core of an EPYC): the
//! multiplications hide the iteration over bits.
//!
//! While a product is computed, the samples of the next 64, or of the next batch, are fetched into the cache.
//!
//! Sums run over features, or over samples, in order and from 0, as in the dense products: with finite weights the
//! results are bitwise identical. With non-finite weights, nothing is skipped (see [`AllFinite`](super::AllFinite)). A
//! gradient that overflows within a step is multiplied only by non-zero values; the gradient of the bias, which has no
//! factor, shows the overflow. Dims: `B` = batch size, `F` = features, `O` = outputs.

mod batch;
mod forward;
mod gradient;
mod prefetcher;
#[cfg(test)]
mod tests;

pub(crate) use self::{
    batch::{SparseBatch, TransposeBits, Values},
    forward::SparseForward,
    gradient::SparseWeightGradient,
};
use super::{Lanes, load};
use crate::engine::fused::memory::matrix::BLOCK;

/// Calls a function for `blocks` blocks with the vectors in them as a constant.
macro_rules! with_vectors {
    ($simd:ty, $blocks:expr, $call:ident ::<$($kind:ty),*> $arguments:tt) => {
        match (<$simd>::F32_LANES, $blocks) {
            (16, 1) => $call::<$simd, $($kind,)* 1> $arguments,
            (16, 2) => $call::<$simd, $($kind,)* 2> $arguments,
            (16, 3) => $call::<$simd, $($kind,)* 3> $arguments,
            (16, 4) => $call::<$simd, $($kind,)* 4> $arguments,
            (16, 5) => $call::<$simd, $($kind,)* 5> $arguments,
            (16, 6) => $call::<$simd, $($kind,)* 6> $arguments,
            (16, 7) => $call::<$simd, $($kind,)* 7> $arguments,
            (16, 8) => $call::<$simd, $($kind,)* 8> $arguments,
            (8, 1) => $call::<$simd, $($kind,)* 2> $arguments,
            (8, 2) => $call::<$simd, $($kind,)* 4> $arguments,
            (8, 3) => $call::<$simd, $($kind,)* 6> $arguments,
            (8, 4) => $call::<$simd, $($kind,)* 8> $arguments,
            (4, 1) => $call::<$simd, $($kind,)* 4> $arguments,
            (4, 2) => $call::<$simd, $($kind,)* 8> $arguments,
            (4, 3) => $call::<$simd, $($kind,)* 12> $arguments,
            (4, 4) => $call::<$simd, $($kind,)* 16> $arguments,
            (1, 1) => $call::<$simd, $($kind,)* 16> $arguments,
            (lanes, blocks) => unreachable!("no sum of {blocks} blocks for {lanes} lanes"),
        }
    };
}
use with_vectors;

/// `V` vectors of a row of blocks: vector `v` is at block `v * lanes / 16`.
#[inline(always)]
pub(super) const fn vector_at(lanes: usize, v: usize, block_stride: usize) -> usize {
    v * lanes / BLOCK * block_stride + v * lanes % BLOCK
}

/// Adds `value` times a row of `V` vectors to `sums`.
///
/// # Safety
/// `row` is valid for reads of each of the vectors at [`vector_at`].
#[inline(always)]
unsafe fn add_product<S: Lanes, const V: usize>(
    simd: S,
    value: f32,
    row: *const f32,
    block_stride: usize,
    sums: &mut [S::f32s; V],
) {
    let value = simd.splat_f32s(value);
    for (v, sum) in sums.iter_mut().enumerate() {
        // SAFETY: guaranteed by the caller.
        let vector = unsafe { load::<S>(row.add(vector_at(S::F32_LANES, v, block_stride))) };
        *sum = simd.mul_add_e_f32s(value, vector, *sum);
    }
}
