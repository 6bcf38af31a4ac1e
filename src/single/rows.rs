//! The matrix-vector product by rows: weights as PyTorch stores them, `[O, I]` row-major, in bytes of any alignment.

use super::Lanes;

/// The number of rows computed together: as many accumulators hide the latency of a fused multiply-add.
const MAX_ROWS: usize = 8;

/// The weights `[O, I]` and the bias `[O]` of a layer, as little-endian `f32`.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// Row-major.
    pub(crate) weights: &'a [[u8; 4]],
    pub(crate) bias: &'a [[u8; 4]],
}

impl Rows<'_> {
    /// `output = W input + b`, then ReLU if `relu`.
    ///
    /// # Safety
    /// `input` is `[I]`, `output` has `O` values or more, `weights` has `O I` and `bias` has `O`.
    #[inline(always)]
    pub(crate) unsafe fn product<L: Lanes>(
        self,
        lanes: L,
        input: &[f32],
        output: &mut [f32],
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

    /// `R` outputs, from `first` on.
    ///
    /// # Safety
    /// As [`Rows::product`], and there are `R` outputs from `first` on.
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
