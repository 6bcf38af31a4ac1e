//! The matrix-vector product by rows: weights as PyTorch stores them, `[O, I]` row-major, in bytes of any alignment.

use super::{
    Lanes,
    matrix::{BLOCK, Matrix},
};

/// The number of rows computed together: as many accumulators hide the latency of a fused multiply-add.
const MAX_ROWS: usize = 8;

/// The weights `[O, I]` and the bias `[O]` of a layer, as little-endian `f32`.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Row-major.
    weights: &'a [[u8; 4]],
    bias: &'a [[u8; 4]],
    inputs: usize,
}

impl<'a> Rows<'a> {
    /// The layer whose weight and bias begin at these bytes.
    ///
    /// # Safety
    /// `weights` is valid for reads of `O I` values and `bias` of `O`, which are not written during `'a`.
    #[inline(always)]
    pub(crate) unsafe fn new(
        weights: *const [u8; 4],
        bias: *const [u8; 4],
        [outputs, inputs]: [usize; 2],
    ) -> Self {
        // SAFETY: guaranteed by the caller; bytes need no alignment.
        unsafe {
            Rows {
                weights: core::slice::from_raw_parts(weights, outputs * inputs),
                bias: core::slice::from_raw_parts(bias, outputs),
                inputs,
            }
        }
    }

    /// Of a table, 16 values of the row of a token, from those of `output` on; zeros past the last.
    #[inline(always)]
    pub(crate) fn row(self, token: usize, output: usize) -> [f32; BLOCK] {
        let outputs = self.bias.len();
        let row = self
            .weights
            .get(token * outputs + output..(token + 1) * outputs);
        let mut values = [0.0; BLOCK];
        for (value, bytes) in values.iter_mut().zip(row.unwrap_or_default()) {
            *value = f32::from_le_bytes(*bytes);
        }
        values
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
        let outputs = self.bias.len();
        debug_assert!(self.weights.len() == outputs * input.len() && output.len() >= outputs);
        let mut row = 0;
        while row < outputs {
            // SAFETY: rows `row..row + R` exist, and `output` has room for them.
            unsafe {
                if row + MAX_ROWS <= outputs {
                    self.dot::<L, MAX_ROWS>(lanes, input, row, output, relu);
                    row += MAX_ROWS;
                } else {
                    self.dot::<L, 1>(lanes, input, row, output, relu);
                    row += 1;
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn weights<L: Lanes>(self, lanes: L, i: usize, output: usize) -> L::Vector {
        debug_assert!(i < self.inputs);
        gather(lanes, self.weights, output * self.inputs + i, self.inputs)
    }

    #[inline(always)]
    unsafe fn bias<L: Lanes>(self, lanes: L, output: usize) -> L::Vector {
        gather(lanes, self.bias, output, 1)
    }

    #[inline(always)]
    unsafe fn weight(self, i: usize, output: usize) -> f32 {
        debug_assert!(i < self.inputs);
        // SAFETY: guaranteed by the caller.
        unsafe { f32::from_le_bytes(*self.weights.get_unchecked(output * self.inputs + i)) }
    }

    #[inline(always)]
    unsafe fn bias_of(self, output: usize) -> f32 {
        // SAFETY: guaranteed by the caller.
        unsafe { f32::from_le_bytes(*self.bias.get_unchecked(output)) }
    }
}

impl Rows<'_> {
    /// `R` outputs, from `first` on.
    ///
    /// # Safety
    /// As [`Matrix::product`], and there are `R` outputs from `first` on.
    #[inline(always)]
    unsafe fn dot<L: Lanes, const R: usize>(
        self,
        lanes: L,
        input: &[f32],
        first: usize,
        output: &mut [f32],
        relu: bool,
    ) {
        let inputs = input.len();
        let weights = self.weights.as_ptr().wrapping_add(first * inputs);
        let mut sums = [lanes.splat(0.0); R];
        let mut i = 0;
        while i + L::LANES <= inputs {
            // SAFETY: there are `LANES` inputs from `i` on, in `input` and in each row.
            unsafe {
                let values = lanes.load(input.as_ptr().wrapping_add(i));
                for (r, sum) in sums.iter_mut().enumerate() {
                    let weight = lanes.load_bytes(weights.wrapping_add(r * inputs + i));
                    *sum = lanes.mul_add(values, weight, *sum);
                }
            }
            i += L::LANES;
        }
        for (r, &sum) in sums.iter().enumerate() {
            // SAFETY: output `first + r` exists, and so do the remaining inputs, from `i` on.
            unsafe {
                let bias = f32::from_le_bytes(*self.bias.get_unchecked(first + r));
                let mut y = lanes.sum(sum) + bias;
                for i in i..inputs {
                    let weight = f32::from_le_bytes(*weights.wrapping_add(r * inputs + i));
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

/// The values at `first`, `first + stride` and so on, of as many lanes as there are values for; zeros in the others.
#[inline(always)]
fn gather<L: Lanes>(lanes: L, values: &[[u8; 4]], first: usize, stride: usize) -> L::Vector {
    let mut vector = [[0; 4]; BLOCK];
    for (lane, place) in vector.iter_mut().enumerate().take(L::LANES) {
        *place = values
            .get(first + lane * stride)
            .copied()
            .unwrap_or_default();
    }
    // SAFETY: a vector has at most 16 lanes.
    unsafe { lanes.load_bytes(vector.as_ptr()) }
}
