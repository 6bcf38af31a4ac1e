//! The gradient of the weights.

use std::ops::Range;

use pulp::NullaryFnOnce;

use super::{
    super::{
        Kernel, Lanes, Rule,
        bits::WORD,
        dispatch::outlined,
        gather::Samples,
        lanes::MAX_SPARSE_BLOCKS,
        load,
        optimizer::Update,
        product::{bias_gradient, groups},
        store,
        update::{Parameters, WithUpdate},
    },
    add_product,
    batch::{Bytes, Floats, SparseBatch, Value, Values},
    prefetcher::SamplePrefetcher,
    vector_at, with_vectors,
};
use crate::engine::fused::memory::matrix::{BLOCK, View};

/// The gradient `sum_b delta[b, o] input[b, f]` of some weights, passed directly to the optimiser.
pub(crate) struct SparseWeightGradient<'a> {
    pub(crate) batch: SparseBatch<'a>,
    /// `[B / 64, F]`: bit `b % 64` of word `b / 64` is set if the feature of sample `b` is non-zero.
    pub(crate) columns: &'a [u64],
    /// Features whose weights the optimiser may change even where their gradient is 0: bit `f % 64` of word `f / 64`.
    pub(crate) active: &'a [u64],
    /// The gradient of the layer's outputs, `[B, O]`, only for the blocks of `parameters`.
    pub(crate) delta: View<'a>,
    /// The features whose weights are updated; feature `F` is the bias.
    pub(crate) inputs: Range<usize>,
    pub(crate) rule: Rule,
    /// Rows `inputs` of the parameters.
    pub(crate) parameters: Parameters<'a>,
    /// For [`SparseWeightGradient::scratch_len`] values.
    pub(crate) scratch: &'a mut [f32],
    /// Samples of the next batch, of which the first 64 are fetched into the cache in the meantime.
    pub(crate) next: &'a [u32],
}

impl SparseWeightGradient<'_> {
    /// The number of scratch values for `features` features.
    pub(crate) const fn scratch_len(features: usize) -> usize {
        MAX_SPARSE_BLOCKS * features * BLOCK
    }
}

impl Kernel for SparseWeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, simd: S) {
        let features = self.batch.features;
        self.batch.check(0..self.delta.rows);
        let (rows, rule) = (self.inputs.len(), self.rule);
        self.parameters.check_tiles(&rule, self.delta.blocks, rows);
        assert!(self.columns.len() >= self.delta.rows.div_ceil(WORD) * features);
        assert!(self.active.len() >= self.batch.words() && self.inputs.end <= features + 1);
        let nonzero = self.inputs.start..self.inputs.end.min(features);
        assert!(self.scratch.len() >= Self::scratch_len(nonzero.len()));
        for blocks in groups(self.delta.blocks, S::SPARSE_BLOCKS) {
            let is_last = blocks.end == self.delta.blocks;
            let group = Group {
                blocks,
                nonzero: nonzero.clone(),
                kernel: &mut self,
                is_last,
            };
            rule.with(simd, group);
        }
        if self.inputs.contains(&features) {
            let row = features - self.inputs.start;
            bias_gradient(simd, self.delta, row, &self.rule, &self.parameters);
        }
    }
}

/// The gradients of a group of blocks, generic over the optimiser's update.
struct Group<'a, 'k> {
    kernel: &'a mut SparseWeightGradient<'k>,
    blocks: Range<usize>,
    /// The features, without the bias.
    nonzero: Range<usize>,
    /// Whether they are the last blocks.
    is_last: bool,
}

impl<S: Lanes> WithUpdate<S> for Group<'_, '_> {
    #[inline(always)]
    fn with<U: Update<S>>(self, simd: S, update: U) {
        let blocks = self.blocks.len();
        match self.kernel.batch.values {
            Values::Bytes(bytes, table) => {
                let values = Bytes(bytes, table);
                with_vectors!(
                    S,
                    blocks,
                    gradient_outlined::<U, Bytes<'_>>(simd, update, self, values)
                );
            }
            Values::Floats(floats) => {
                let values = Floats(floats);
                with_vectors!(
                    S,
                    blocks,
                    gradient_outlined::<U, Floats<'_>>(simd, update, self, values)
                );
            }
        }
    }
}

/// [`gradient`] as a separate function.
///
/// It is monomorphised eighty times for AVX-512 alone (optimisers, kinds of values, numbers of blocks). Inlined into
/// one function, these take LLVM minutes with debug assertions, since its passes take more than linear time.
#[inline(always)]
fn gradient_outlined<S: Lanes, U: Update<S>, T: Value, const V: usize>(
    simd: S,
    update: U,
    group: Group<'_, '_>,
    values: T,
) {
    let gradient = Gradient::<S, U, T, V> {
        simd,
        update,
        group,
        values,
    };
    outlined(simd, gradient);
}

/// The arguments of [`gradient`].
struct Gradient<'a, 'k, S, U, T, const V: usize> {
    simd: S,
    update: U,
    group: Group<'a, 'k>,
    values: T,
}

impl<S: Lanes, U: Update<S>, T: Value, const V: usize> NullaryFnOnce
    for Gradient<'_, '_, S, U, T, V>
{
    type Output = ();

    #[inline(always)]
    fn call(self) {
        gradient::<S, U, T, V>(self.simd, self.update, self.group, self.values);
    }
}

#[inline(always)]
fn gradient<S: Lanes, U: Update<S>, T: Value, const V: usize>(
    simd: S,
    update: U,
    group: Group<'_, '_>,
    values: T,
) {
    let Group {
        kernel,
        blocks,
        nonzero,
        is_last,
    } = group;
    let (features, rows, width) = (kernel.batch.features, kernel.delta.rows, V * S::F32_LANES);
    let stride = kernel.delta.block_stride();
    let parameter_stride = kernel.parameters.weights.block_stride();
    let words = rows.div_ceil(WORD);
    let next = SparseBatch {
        samples: Samples::Numbered(kernel.next),
        ..kernel.batch
    };
    let next_rows = match is_last {
        true => 0..WORD.min(kernel.next.len()),
        false => 0..0,
    };
    let mut prefetcher = SamplePrefetcher::new(next, values, next_rows, words * nonzero.len());
    for word in 0..words {
        let last = word + 1 == words;
        let delta = kernel.delta.at(blocks.start, word * WORD);
        let columns = &kernel.columns[word * features..][..features];
        let mut first_values = [0; WORD];
        for (first, row) in first_values.iter_mut().zip(word * WORD..rows) {
            *first = kernel.batch.samples.at(row) * features;
        }
        for feature in nonzero.clone() {
            prefetcher.step();
            let mut bits = columns[feature];
            let is_active = kernel.active[feature / WORD] >> (feature % WORD) & 1 == 1;
            if !is_active || (bits == 0 && word > 0 && !last) {
                continue;
            }
            // The feature's gradients, accumulated until all samples have been processed.
            let kept = kernel.scratch.as_mut_ptr();
            let kept = kept.wrapping_add((feature - nonzero.start) * width);
            let mut sums = [simd.splat_f32s(0.0); V];
            if word > 0 {
                for (v, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: `run` has checked that there is scratch for every feature.
                    *sum = unsafe { load::<S>(kept.add(v * S::F32_LANES)) };
                }
            }
            while bits != 0 {
                let bit = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                // SAFETY: bits are set only for existing samples; `run` has checked the values.
                let value = unsafe { values.at(first_values[bit % WORD] + feature) };
                let row = delta.wrapping_add(bit * BLOCK);
                // SAFETY: `delta` has a row for each sample, and the blocks.
                unsafe { add_product(simd, value, row, stride, &mut sums) };
            }
            let row = feature - kernel.inputs.start;
            let place = kernel.parameters.place(blocks.start, row);
            for (v, &sum) in sums.iter().enumerate() {
                let at = vector_at(S::F32_LANES, v, parameter_stride);
                // SAFETY: `run` has checked scratch, rule and parameters.
                unsafe {
                    if last {
                        update.apply(simd, place.add(at), sum);
                    } else {
                        store::<S>(kept.add(v * S::F32_LANES), sum);
                    }
                }
            }
        }
    }
}
