//! Products with sparse inputs: only non-zero values are multiplied.
//!
//! A bitmap marks the non-zero inputs of a sample, 64 features per word. Forward iterates over the bits of each
//! sample, 64 features at a time, so that the corresponding 64 rows of weights stay in the L1 cache; the gradient
//! iterates over the transposed bitmap, 64 samples per word, for the same reason. Compared with index lists, bitmaps
//! take a thirtieth of the memory and were faster here (71 and 83 against 54 GFLOP/s of useful work in each direction,
//! MNIST, AVX-512 on one core of an EPYC, whose dense peak is 118): the multiplications hide the iteration over bits.
//! Sums run over features, or over samples, in order and from 0, as in the dense products: with finite weights the
//! results are bitwise identical. With non-finite weights, nothing is skipped (see [`AllFinite`](super::AllFinite)). A
//! gradient that overflows within a step is multiplied only by non-zero values; the gradient of the bias, which has no
//! factor, shows the overflow. Dims: `B` = batch size, `F` = features, `O` = outputs.

use std::ops::Range;

use pulp::NullaryFnOnce;

use super::{
    Kernel, Lanes, Rule,
    bits::WORD,
    gather::Samples,
    lanes::{MAX_SPARSE_BLOCKS, outlined},
    load,
    optimizer::Update,
    prefetch,
    product::{bias_gradient, groups},
    store,
    update::{Parameters, WithUpdate},
};
use crate::engine::fused::memory::matrix::{BLOCK, View, ViewMut};

/// A batch of samples with bitmaps of non-zero values, in place in their data set.
#[derive(Clone, Copy)]
pub(crate) struct SparseBatch<'a> {
    /// `F`.
    pub(crate) features: usize,
    /// `[n, F / 64]`: bit `f % 64` of word `f / 64` is set if feature `f` is non-zero.
    pub(crate) bits: &'a [u64],
    /// The batch's samples in `bits`.
    pub(crate) rows: Samples<'a>,
    pub(crate) values: Values<'a>,
    /// The batch's samples in `values`.
    pub(crate) samples: Samples<'a>,
}

/// The features' values, `[n, F]`.
#[derive(Clone, Copy)]
pub(crate) enum Values<'a> {
    /// One byte per feature, and the value of every byte.
    Bytes(&'a [u8], &'a [f32; 256]),
    Floats(&'a [f32]),
}

impl SparseBatch<'_> {
    /// The number of words per sample.
    pub(crate) fn words(&self) -> usize {
        self.features.div_ceil(WORD)
    }

    /// # Panics
    /// When the bits or values of one of the batch's samples `rows` are out of range.
    fn check(&self, rows: Range<usize>) {
        let count = |samples: Samples<'_>| {
            let last = rows.clone().map(|row| samples.at(row)).max();
            last.map_or(0, |last| last + 1)
        };
        assert!(self.bits.len() >= count(self.rows) * self.words());
        let values = match self.values {
            Values::Bytes(bytes, _) => bytes.len(),
            Values::Floats(floats) => floats.len(),
        };
        assert!(values >= count(self.samples) * self.features);
    }
}

/// The value at an index of `[n, F]`.
trait Value: Copy {
    /// # Safety
    /// The index is in range.
    unsafe fn at(self, place: usize) -> f32;

    /// Prefetches the 64 features from this index on, which may be out of range.
    fn prefetch(self, place: usize);
}

#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8], &'a [f32; 256]);

impl Value for Bytes<'_> {
    #[inline(always)]
    unsafe fn at(self, place: usize) -> f32 {
        // SAFETY: guaranteed by the caller.
        self.1[usize::from(unsafe { *self.0.get_unchecked(place) })]
    }

    #[inline(always)]
    fn prefetch(self, place: usize) {
        prefetch(self.0.as_ptr().wrapping_add(place));
    }
}

#[derive(Clone, Copy)]
struct Floats<'a>(&'a [f32]);

impl Value for Floats<'_> {
    #[inline(always)]
    unsafe fn at(self, place: usize) -> f32 {
        // SAFETY: guaranteed by the caller.
        unsafe { *self.0.get_unchecked(place) }
    }

    #[inline(always)]
    fn prefetch(self, place: usize) {
        for line in (0..WORD).step_by(LINE) {
            prefetch(self.0.as_ptr().wrapping_add(place + line));
        }
    }
}

/// Values of 4 bytes per cache line.
const LINE: usize = 16;

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
/// `V` vectors of a row of blocks: vector `v` is at block `v * lanes / 16`.
#[inline(always)]
pub(super) const fn vector_at(lanes: usize, v: usize, block_stride: usize) -> usize {
    v * lanes / BLOCK * block_stride + v * lanes % BLOCK
}

/// `output = W input + b`, then ReLU if `relu`, for some samples of a batch.
pub(crate) struct SparseForward<'a> {
    pub(crate) batch: SparseBatch<'a>,
    /// The samples that `output` has, in order.
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
        for blocks in groups(self.output.blocks, S::SPARSE_BLOCKS) {
            match self.batch.values {
                Values::Bytes(bytes, table) => {
                    let values = Bytes(bytes, table);
                    with_vectors!(
                        S,
                        blocks.len(),
                        forward::<Bytes<'_>>(simd, &self, blocks.start, values)
                    );
                }
                Values::Floats(floats) => {
                    let values = Floats(floats);
                    with_vectors!(
                        S,
                        blocks.len(),
                        forward::<Floats<'_>>(simd, &self, blocks.start, values)
                    );
                }
            }
        }
    }
}

#[inline(always)]
fn forward<S: Lanes, T: Value, const V: usize>(
    simd: S,
    kernel: &SparseForward<'_>,
    first_block: usize,
    values: T,
) {
    let SparseForward {
        batch,
        samples,
        weights,
        output,
        relu,
    } = kernel;
    let (words, features) = (batch.words(), batch.features);
    let lanes = S::F32_LANES;
    let (w_stride, out_stride) = (weights.block_stride(), output.block_stride());
    let bias = weights.at(first_block, features);
    for word in 0..words {
        let last = word + 1 == words;
        let rows = weights.at(first_block, word * WORD);
        for row in 0..output.rows {
            let bits_of = batch.rows.at(samples.start + row);
            let sample = batch.samples.at(samples.start + row);
            let first_value = sample * features + word * WORD;
            // Prefetch this sample's next 64 features and the weights of the next 64 features.
            values.prefetch(first_value + WORD);
            if row < WORD {
                let next = rows.wrapping_add((WORD + row) * BLOCK);
                for v in (0..V).step_by(BLOCK / lanes) {
                    prefetch(next.wrapping_add(vector_at(lanes, v, w_stride)));
                }
            }
            // SAFETY: `run` has checked that the bits of these samples are in range.
            let mut bits = unsafe { *batch.bits.get_unchecked(bits_of * words + word) };
            if bits == 0 && word > 0 && !last {
                continue;
            }
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
                let value = simd.splat_f32s(unsafe { values.at(first_value + bit) });
                let weight = rows.wrapping_add(bit * BLOCK);
                for (v, sum) in sums.iter_mut().enumerate() {
                    // SAFETY: `weights` has a row for each feature, and the blocks.
                    let weight = unsafe { load::<S>(weight.add(vector_at(lanes, v, w_stride))) };
                    *sum = simd.mul_add_e_f32s(value, weight, *sum);
                }
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
}

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
            let group = Group {
                blocks,
                nonzero: nonzero.clone(),
                kernel: &mut self,
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
    } = group;
    let (features, rows, width) = (kernel.batch.features, kernel.delta.rows, V * S::F32_LANES);
    let stride = kernel.delta.block_stride();
    let parameter_stride = kernel.parameters.weights.block_stride();
    let words = rows.div_ceil(WORD);
    for word in 0..words {
        let last = word + 1 == words;
        let delta = kernel.delta.at(blocks.start, word * WORD);
        let columns = &kernel.columns[word * features..][..features];
        let mut first_values = [0; WORD];
        for (first, row) in first_values.iter_mut().zip(word * WORD..rows) {
            *first = kernel.batch.samples.at(row) * features;
        }
        for feature in nonzero.clone() {
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
                let value = simd.splat_f32s(value);
                let row = delta.wrapping_add(bit * BLOCK);
                for (v, sum) in sums.iter_mut().enumerate() {
                    let at = vector_at(S::F32_LANES, v, stride);
                    // SAFETY: `delta` has a row for each sample, and the blocks.
                    *sum = simd.mul_add_e_f32s(value, unsafe { load::<S>(row.add(at)) }, *sum);
                }
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
