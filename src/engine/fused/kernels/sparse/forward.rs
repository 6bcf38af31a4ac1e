//! The forward pass.

use std::ops::Range;

use super::{
    super::{Kernel, Lanes, bits::WORD, load, prefetch, product::groups, store},
    add_product,
    batch::{Bytes, Floats, SparseBatch, Value, Values},
    prefetcher::SamplePrefetcher,
    vector_at, with_vectors,
};
use crate::engine::fused::memory::matrix::{BLOCK, View, ViewMut};

/// `output = W input + b`, then ReLU if `relu`, for some samples of a batch.
pub(crate) struct SparseForward<'a> {
    pub(crate) batch: SparseBatch<'a>,
    /// The samples that `output` has, in order. Those after them are fetched into the cache.
    pub(crate) samples: Range<usize>,
    /// `[F + 1, O]`, the bias last.
    pub(crate) weights: View<'a>,
    pub(crate) output: ViewMut<'a>,
    pub(crate) relu: bool,
}

impl Kernel for SparseForward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        self.batch.check(self.samples.clone());
        assert_eq!(self.weights.rows, self.batch.features + 1);
        assert!(self.weights.blocks == self.output.blocks);
        assert_eq!(self.output.rows, self.samples.len());
        match self.batch.values {
            Values::Bytes(bytes, table) => self.samples(simd, Bytes(bytes, table)),
            Values::Floats(floats) => self.samples(simd, Floats(floats)),
        }
    }
}

/// The words of each sample whose bits are found at once.
const WORDS: usize = 16;

impl SparseForward<'_> {
    /// All samples, 64 at a time; while these are multiplied, the next are fetched into the cache.
    #[inline(always)]
    fn samples<S: Lanes, T: Value>(&self, simd: S, values: T) {
        let (batch, count) = (self.batch, self.output.rows);
        let groups = || groups(self.output.blocks, S::SPARSE_BLOCKS);
        let place = |row| self.samples.start + row;
        let all = batch.samples.len().unwrap_or(self.samples.end);
        for first in (0..count).step_by(WORD) {
            let rows = first..count.min(first + WORD);
            let next = place(rows.end)..all.min(place(rows.end) + WORD);
            let steps = rows.len() * batch.words() * groups().count();
            let mut prefetcher = SamplePrefetcher::new(batch, values, next, steps);
            for first_word in (0..batch.words()).step_by(WORDS) {
                let words = first_word..batch.words().min(first_word + WORDS);
                // Found in a loop of their own, which does not wait for the branches on them.
                let mut bits = [[0; WORD]; WORDS];
                for (bits, word) in bits.iter_mut().zip(words.clone()) {
                    for (bits, row) in bits.iter_mut().zip(rows.clone()) {
                        let sample = batch.samples.at(place(row));
                        // SAFETY: `run` has checked these samples.
                        *bits = unsafe { batch.word(simd, values, sample, word) };
                    }
                }
                for blocks in groups() {
                    for (bits, word) in bits.iter().zip(words.clone()) {
                        let square = Square {
                            first_block: blocks.start,
                            rows: rows.clone(),
                            word,
                            bits,
                        };
                        with_vectors!(
                            S,
                            blocks.len(),
                            forward::<T>(simd, self, square, values, &mut prefetcher)
                        );
                    }
                }
            }
        }
    }
}

/// A product of up to 64 samples and 64 features, for some blocks of outputs.
struct Square<'a> {
    first_block: usize,
    rows: Range<usize>,
    /// The features: those of this word.
    word: usize,
    /// The word of each sample.
    bits: &'a [u64; WORD],
}

#[inline(always)]
fn forward<S: Lanes, T: Value, const V: usize>(
    simd: S,
    kernel: &SparseForward<'_>,
    square: Square<'_>,
    values: T,
    prefetcher: &mut SamplePrefetcher<'_, T>,
) {
    let SparseForward {
        batch,
        samples,
        weights,
        output,
        relu,
    } = kernel;
    let Square {
        first_block, word, ..
    } = square;
    let (words, features) = (batch.words(), batch.features);
    let lanes = S::F32_LANES;
    let (w_stride, out_stride) = (weights.block_stride(), output.block_stride());
    let bias = weights.at(first_block, features);
    let last = word + 1 == words;
    let rows = weights.at(first_block, word * WORD);
    for (at, row) in square.rows.enumerate() {
        prefetcher.step();
        // Prefetch the weights of the next 64 features.
        let next = rows.wrapping_add((WORD + at) * BLOCK);
        for v in (0..V).step_by(BLOCK / lanes) {
            prefetch(next.wrapping_add(vector_at(lanes, v, w_stride)));
        }
        let mut bits = square.bits[at];
        if bits == 0 && word > 0 && !last {
            continue;
        }
        let first_value = batch.samples.at(samples.start + row) * features + word * WORD;
        let out = output.at(first_block, row);
        let mut sums = [simd.splat_f32s(0.0); V];
        if word > 0 {
            for (v, sum) in sums.iter_mut().enumerate() {
                // SAFETY: `output` has the blocks and the row; earlier words have written it.
                *sum = unsafe { load::<S>(out.add(vector_at(lanes, v, out_stride))) };
            }
        }
        while bits != 0 {
            let bit = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            // SAFETY: bits are set only for existing features; `check` has checked the values.
            let value = unsafe { values.at(first_value + bit) };
            let weight = rows.wrapping_add(bit * BLOCK);
            // SAFETY: `weights` has a row for each feature, and the blocks.
            unsafe { add_product(simd, value, weight, w_stride, &mut sums) };
        }
        for (v, mut sum) in sums.into_iter().enumerate() {
            if last {
                // SAFETY: `weights` has the blocks, and the bias in row `features`.
                let bias = unsafe { load::<S>(bias.add(vector_at(lanes, v, w_stride))) };
                sum = simd.add_f32s(sum, bias);
                if *relu {
                    sum = simd.relu(sum);
                }
            }
            // SAFETY: `output` has the blocks and the row.
            unsafe { store::<S>(out.add(vector_at(lanes, v, out_stride)), sum) };
        }
    }
}
