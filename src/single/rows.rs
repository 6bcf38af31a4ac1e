//! The matrix-vector product by rows: weights as PyTorch stores them, `[O, I]` row-major, in bytes of any alignment.

use core::marker::PhantomData;

use super::{
    Lanes,
    matrix::{BLOCK, Matrix},
    stored::{Bf16, F16, F32, Stored, Tensor, of_dtype},
};
use crate::weights::place::Dtype;

/// The number of rows computed together: as many accumulators hide the latency of a fused multiply-add.
const MAX_ROWS: usize = 8;

/// The weights `[O, I]` and the bias `[O]` of a layer in a file, each F32, F16 or BF16: these are converted as they are read.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Row-major.
    weights: Tensor,
    bias: Tensor,
    outputs: usize,
    inputs: usize,
    values: PhantomData<&'a [u8]>,
}

impl Rows<'_> {
    /// The layer with these tensors.
    ///
    /// # Safety
    /// `weights` has `O I` values and `bias`, if it is read, `O`, which are not written during `'a`.
    #[inline(always)]
    pub(crate) unsafe fn new(weights: Tensor, bias: Tensor, [outputs, inputs]: [usize; 2]) -> Self {
        Rows {
            weights,
            bias,
            outputs,
            inputs,
            values: PhantomData,
        }
    }

    /// Of a table `[V, O]`, 16 values of the row of a token, from those of `output` on; zeros past the last.
    ///
    /// # Safety
    /// `token` is below `V`, `output` is below `O`.
    #[inline(always)]
    pub(crate) unsafe fn row(self, token: usize, output: usize) -> [f32; BLOCK] {
        debug_assert!(token < self.inputs && output < self.outputs);
        let first = token * self.outputs + output;
        let count = BLOCK.min(self.outputs - output);
        let mut row = [0.0; BLOCK];
        of_dtype!(self.weights, values => {
            for (lane, value) in row.iter_mut().enumerate().take(count) {
                // SAFETY: the row has `count` values from this output on; bytes need no alignment.
                *value = unsafe { *values.wrapping_add(first + lane) }.value();
            }
        });
        row
    }
}

impl Matrix for Rows<'_> {
    #[inline(always)]
    unsafe fn product<L: Lanes>(
        self,
        lanes: L,
        input: &[f32],
        output: &mut [f32],
        _sparse: bool,
        relu: bool,
    ) {
        // SAFETY: guaranteed by the caller.
        of_dtype!(self.weights, weights => unsafe {
            self.product_of(lanes, weights, input, output, relu)
        });
    }

    #[inline(always)]
    unsafe fn weights<L: Lanes>(self, lanes: L, i: usize, output: usize) -> L::Vector {
        debug_assert!(i < self.inputs && output < self.outputs);
        let (first, count) = (output * self.inputs + i, self.outputs - output);
        // SAFETY: guaranteed by the caller.
        unsafe { self.weights.gather(lanes, first, self.inputs, count) }
    }

    #[inline(always)]
    unsafe fn bias<L: Lanes>(self, lanes: L, output: usize) -> L::Vector {
        debug_assert!(output < self.outputs);
        // SAFETY: guaranteed by the caller.
        unsafe { self.bias.gather(lanes, output, 1, self.outputs - output) }
    }

    #[inline(always)]
    unsafe fn weight(self, i: usize, output: usize) -> f32 {
        debug_assert!(i < self.inputs && output < self.outputs);
        // SAFETY: guaranteed by the caller.
        unsafe { self.weights.value(output * self.inputs + i) }
    }

    #[inline(always)]
    unsafe fn bias_of(self, output: usize) -> f32 {
        debug_assert!(output < self.outputs);
        // SAFETY: guaranteed by the caller.
        unsafe { self.bias.value(output) }
    }
}

impl Rows<'_> {
    /// [`Matrix::product`] of weights of one format.
    ///
    /// # Safety
    /// As [`Matrix::product`], and `weights` are those of the layer.
    #[inline(always)]
    unsafe fn product_of<L: Lanes, T: Stored>(
        self,
        lanes: L,
        weights: *const T,
        input: &[f32],
        output: &mut [f32],
        relu: bool,
    ) {
        let outputs = self.outputs;
        debug_assert!(self.inputs == input.len() && output.len() >= outputs);
        let mut row = 0;
        while row < outputs {
            // SAFETY: rows `row..row + R` exist, and `output` has room for them.
            unsafe {
                if row + MAX_ROWS <= outputs {
                    self.dot::<L, T, MAX_ROWS>(lanes, weights, input, row, output, relu);
                    row += MAX_ROWS;
                } else {
                    self.dot::<L, T, 1>(lanes, weights, input, row, output, relu);
                    row += 1;
                }
            }
        }
    }

    /// `R` outputs, from `first` on.
    ///
    /// # Safety
    /// As [`Rows::product_of`], and there are `R` outputs from `first` on.
    #[inline(always)]
    unsafe fn dot<L: Lanes, T: Stored, const R: usize>(
        self,
        lanes: L,
        weights: *const T,
        input: &[f32],
        first: usize,
        output: &mut [f32],
        relu: bool,
    ) {
        let inputs = input.len();
        let weights = weights.wrapping_add(first * inputs);
        let mut sums = [lanes.splat(0.0); R];
        let mut i = 0;
        while i + L::LANES <= inputs {
            // SAFETY: there are `LANES` inputs from `i` on, in `input` and in each row.
            unsafe {
                let values = lanes.load(input.as_ptr().wrapping_add(i));
                for (r, sum) in sums.iter_mut().enumerate() {
                    let weight = T::load(lanes, weights.wrapping_add(r * inputs + i));
                    *sum = lanes.mul_add(values, weight, *sum);
                }
            }
            i += L::LANES;
        }
        // SAFETY: there are `R` outputs from `first` on.
        let biases: [f32; R] = unsafe { self.bias.values(first) };
        for (r, (&sum, bias)) in sums.iter().zip(biases).enumerate() {
            // SAFETY: output `first + r` exists, and so do the remaining inputs, from `i` on; bytes need no alignment.
            unsafe {
                let mut y = lanes.sum(sum) + bias;
                for i in i..inputs {
                    let weight = (*weights.wrapping_add(r * inputs + i)).value();
                    y += weight * input.get_unchecked(i);
                }
                if relu && y < 0.0 {
                    y = 0.0;
                }
                *output.get_unchecked_mut(first + r) = y;
            }
        }
    }
}
