//! One sample through one layer, on the caller's thread: weights are read once, so memory sets the pace.
//!
//! Dims: `I` = inputs, `O` = outputs.

use super::{
    Kernel, Lanes, load,
    math::relu as relu_of,
    product::groups,
    sparse::{WORD, vector_at},
    store,
};
use crate::engine::fused::matrix::{BLOCK, View};

/// `output = W input + b`, then ReLU if asked for; `[I]` to `[O]`, padded to whole blocks.
pub(in crate::engine::fused) struct Single<'a> {
    pub(in crate::engine::fused) input: &'a [f32],
    /// Bit `i % 64` of word `i / 64` says that input `i` is not 0; without bitmap all are multiplied.
    pub(in crate::engine::fused) bits: Option<&'a [u64]>,
    /// `[I + 1, O]`, the bias last.
    pub(in crate::engine::fused) weights: View<'a>,
    pub(in crate::engine::fused) output: &'a mut [f32],
    pub(in crate::engine::fused) relu: bool,
}

impl Kernel for Single<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, simd: S) {
        let inputs = self.weights.rows - 1;
        assert!(self.input.len() >= inputs && self.output.len() >= self.weights.blocks * BLOCK);
        assert!(
            self.bits
                .is_none_or(|bits| bits.len() == inputs.div_ceil(WORD))
        );
        // Eight vectors of sums hide the latency of a multiplication; where there are fewer columns,
        // each has several sums.
        let largest = (8 * S::F32_LANES / BLOCK).max(1);
        for blocks in groups(self.weights.blocks, largest) {
            let first = blocks.start;
            match blocks.len() * BLOCK / S::F32_LANES {
                1 => layer::<S, 1, 8>(simd, &mut self, first),
                2 => layer::<S, 2, 4>(simd, &mut self, first),
                3 => layer::<S, 3, 3>(simd, &mut self, first),
                4 => layer::<S, 4, 2>(simd, &mut self, first),
                5 => layer::<S, 5, 2>(simd, &mut self, first),
                6 => layer::<S, 6, 1>(simd, &mut self, first),
                7 => layer::<S, 7, 1>(simd, &mut self, first),
                8 => layer::<S, 8, 1>(simd, &mut self, first),
                16 => layer::<S, 16, 1>(simd, &mut self, first),
                vectors => unreachable!("a group of {vectors} vectors"),
            }
        }
    }
}

/// `V` vectors of outputs, each in `U` sums.
#[inline(always)]
fn layer<S: Lanes, const V: usize, const U: usize>(
    simd: S,
    kernel: &mut Single<'_>,
    first_block: usize,
) {
    let (weights, input) = (kernel.weights, kernel.input);
    let (inputs, stride) = (weights.rows - 1, weights.block_stride());
    let mut sums = [[simd.splat_f32s(0.0); V]; U];
    let add = |sums: &mut [S::f32s; V], i: usize| {
        // SAFETY: every caller below gives an `i` below `inputs`, which `input` and `weights` have;
        // the group's blocks lie in `weights`.
        unsafe {
            let value = simd.splat_f32s(*input.get_unchecked(i));
            let row = weights.at(first_block, i);
            for (v, sum) in sums.iter_mut().enumerate() {
                let weight = load::<S>(row.add(vector_at(S::F32_LANES, v, stride)));
                *sum = simd.mul_add_e_f32s(value, weight, *sum);
            }
        }
    };
    match kernel.bits {
        None => {
            let whole = inputs / U * U;
            for i in (0..whole).step_by(U) {
                for (u, sums) in sums.iter_mut().enumerate() {
                    add(sums, i + u);
                }
            }
            for i in whole..inputs {
                add(&mut sums[0], i);
            }
        }
        Some(words) => {
            for (word, &bits) in words.iter().enumerate() {
                let mut bits = bits;
                while bits != 0 {
                    for sums in &mut sums {
                        if bits == 0 {
                            break;
                        }
                        add(sums, word * WORD + bits.trailing_zeros() as usize);
                        bits &= bits - 1;
                    }
                }
            }
        }
    }
    for v in 0..V {
        let mut sum = sums[0][v];
        for more in &sums[1..] {
            sum = simd.add_f32s(sum, more[v]);
        }
        let at = vector_at(S::F32_LANES, v, stride);
        // SAFETY: row `inputs` of `weights` is the bias.
        let bias = unsafe { load::<S>(weights.at(first_block, inputs).add(at)) };
        let mut y = simd.add_f32s(sum, bias);
        if kernel.relu {
            y = relu_of(simd, y);
        }
        let place = first_block * BLOCK + v * S::F32_LANES;
        // SAFETY: `run` has checked that `output` holds every block.
        unsafe { store::<S>(kernel.output.as_mut_ptr().add(place), y) };
    }
}
