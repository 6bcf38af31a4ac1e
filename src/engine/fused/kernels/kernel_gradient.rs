//! The gradient of a convolution's weights, over 16 samples.
//!
//! `dw[o, c, tap] = sum delta[o, x] * input[c, x + tap]` over all positions and samples, in a register tile of output
//! channels times taps. The samples are in the lanes, so each lane has its own sum; the lanes are added at the end.
//! Positions are summed in bands of rows, whose gradients stay in the L1 cache for all taps.

use super::{Kernel, Lanes, convolution::with_tile, load, product::groups, store};
use crate::engine::fused::{
    memory::{
        image::ImageView,
        matrix::{BLOCK, ViewMut},
    },
    program::{Pass, SAMPLES},
};

/// The gradient of the weights and biases of a group of a convolution's channels, whose inputs and outputs these are.
pub(crate) struct KernelGradient<'a> {
    /// The forward pass.
    pub(crate) pass: &'a Pass,
    pub(crate) input: ImageView<'a>,
    /// The gradient of the outputs.
    pub(crate) delta: ImageView<'a>,
    /// Those of all groups, `[channels * taps + 1, outputs]`, the bias last.
    pub(crate) output: ViewMut<'a>,
    /// The group's first output channel.
    pub(crate) first: usize,
    /// Whether the gradient is added to `output` or replaces it.
    pub(crate) adds: bool,
    /// For [`KernelGradient::scratch_len`] values.
    pub(crate) scratch: &'a mut [f32],
}

/// The size of a band: half of an L1 cache of 32 kB.
const BAND_BYTES: usize = 1 << 14;
/// The maxima of [`Lanes::TILE_OUTPUTS`] and of [`Lanes::TILE_POSITIONS`].
const MAX_TILE: [usize; 2] = [6, 4];

impl KernelGradient<'_> {
    /// Stores the gradient in a row for one of the group's output channels.
    #[inline(always)]
    fn put(&mut self, row: usize, output: usize, sum: f32) {
        let output = self.first + output;
        let value = &mut self.output.row(output / BLOCK, row)[output % BLOCK];
        *value = if self.adds { *value + sum } else { sum };
    }

    /// The number of scratch values for a convolution with `fan_in` values in each kernel: for each of these, in whole
    /// tiles, and each output channel of a tile, a vector.
    pub(crate) const fn scratch_len(fan_in: usize) -> usize {
        fan_in.next_multiple_of(MAX_TILE[1]) * MAX_TILE[0] * SAMPLES
    }
}

impl Kernel for KernelGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, simd: S) {
        let (pass, delta) = (self.pass, self.delta);
        let (channels, taps) = (self.input.layout.channels, pass.taps.len());
        let fan_in = channels * taps;
        let channel_stride = self.input.layout.channel_stride();
        assert!(pass.end(channels, channel_stride) <= self.input.layout.len());
        assert_eq!(
            [delta.layout.rows, delta.layout.columns],
            [pass.rows, pass.columns]
        );
        assert!(self.first + delta.layout.channels <= self.output.blocks * BLOCK);
        assert!(self.output.rows > fan_in && self.scratch.len() >= Self::scratch_len(fan_in));
        for outputs in groups(delta.layout.channels, S::TILE_OUTPUTS) {
            let tile = outputs.len() * S::TILE_POSITIONS;
            let row_bytes = outputs.len() * pass.columns * SAMPLES * size_of::<f32>();
            let band = (BAND_BYTES / row_bytes).max(1);
            for start in (0..pass.rows).step_by(band) {
                let rows = start..pass.rows.min(start + band);
                for (index, some) in groups(fan_in, S::TILE_POSITIONS).enumerate() {
                    let mut inputs = [std::ptr::null(); MAX_TILE[1]];
                    for (input, at) in inputs.iter_mut().zip(some.clone()) {
                        let from = pass.first + at / taps * channel_stride + pass.taps[at % taps];
                        let from = from + rows.start * pass.steps[0];
                        *input = self.input.start.wrapping_add(from);
                    }
                    let tile = Tile {
                        inputs,
                        steps: pass.steps,
                        delta: delta.at([outputs.start, rows.start, 0]),
                        delta_channel: delta.layout.channel_stride(),
                        delta_row: delta.layout.row_stride(),
                        rows: rows.len(),
                        columns: pass.columns,
                        is_first: start == 0,
                        sums: self.scratch[index * tile * S::F32_LANES..].as_mut_ptr(),
                    };
                    macro_rules! call {
                        ($o:literal, $t:literal) => {
                            // SAFETY: the taps of all positions are within the input, by the first assertion; the
                            // tile's channels and rows are those of `delta`; the scratch has a vector for each
                            // value of the kernel, in whole tiles, and each output.
                            unsafe { tile.accumulate::<S, $o, $t>(simd) }
                        };
                    }
                    with_tile!(S, (outputs.len(), some.len()), call);
                }
            }
            for (index, some) in groups(fan_in, S::TILE_POSITIONS).enumerate() {
                for (t, at) in some.clone().enumerate() {
                    for (o, output) in outputs.clone().enumerate() {
                        let from = index * tile + o * some.len() + t;
                        let sum = self.scratch[from * S::F32_LANES..].as_ptr();
                        // SAFETY: as above.
                        let sum = simd.reduce_sum_f32s(unsafe { load::<S>(sum) });
                        self.put(at, output, sum);
                    }
                }
            }
            for output in outputs {
                let sum = sum_of_channel(simd, delta, output);
                self.put(fan_in, output, sum);
            }
        }
    }
}

/// The sum of all pixels of a channel and all samples.
#[inline(always)]
fn sum_of_channel<S: Lanes>(simd: S, delta: ImageView<'_>, channel: usize) -> f32 {
    // several sums, as an addition waits for the one before it
    let mut sums = [simd.splat_f32s(0.0); 4];
    for row in 0..delta.layout.rows {
        let from = delta.at([channel, row, 0]);
        for at in (0..delta.layout.columns * SAMPLES).step_by(S::F32_LANES) {
            let sum = &mut sums[at / S::F32_LANES % 4];
            // SAFETY: the columns of a row are contiguous.
            *sum = simd.add_f32s(*sum, unsafe { load::<S>(from.wrapping_add(at)) });
        }
    }
    let [a, b, c, d] = sums;
    simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)))
}

/// Some output channels and some taps, over some rows of positions.
struct Tile {
    /// For each tap, its value at the first position.
    inputs: [*const f32; MAX_TILE[1]],
    /// The strides of the input from one row of positions to the next, and from one column to the next.
    steps: [usize; 2],
    /// The first position of the first output channel.
    delta: *const f32,
    delta_channel: usize,
    delta_row: usize,
    rows: usize,
    columns: usize,
    /// Whether the sums begin with 0, or with those of the rows before.
    is_first: bool,
    /// For each output channel and tap, a vector.
    sums: *mut f32,
}

impl Tile {
    /// # Safety
    /// For `O` output channels and `T` taps: `delta` and the taps' inputs are valid for reads of 16 values at every
    /// position, `sums` for reads and writes of `O * T` vectors.
    #[inline(always)]
    unsafe fn accumulate<S: Lanes, const O: usize, const T: usize>(&self, simd: S) {
        let mut sums = [[simd.splat_f32s(0.0); T]; O];
        if !self.is_first {
            for (o, sums) in sums.iter_mut().enumerate() {
                for (t, sum) in sums.iter_mut().enumerate() {
                    let from = self.sums.wrapping_add((o * T + t) * S::F32_LANES);
                    // SAFETY: guaranteed by the caller.
                    *sum = unsafe { load::<S>(from) };
                }
            }
        }
        for row in 0..self.rows {
            let mut delta = self.delta.wrapping_add(row * self.delta_row);
            let mut distance = row * self.steps[0];
            for _ in 0..self.columns {
                for lane in (0..SAMPLES).step_by(S::F32_LANES) {
                    let mut gradients = [simd.splat_f32s(0.0); O];
                    for (o, gradient) in gradients.iter_mut().enumerate() {
                        let from = delta.wrapping_add(o * self.delta_channel + lane);
                        // SAFETY: guaranteed by the caller.
                        *gradient = unsafe { load::<S>(from) };
                    }
                    for (t, input) in self.inputs[..T].iter().enumerate() {
                        // SAFETY: guaranteed by the caller.
                        let value = unsafe { load::<S>(input.wrapping_add(distance + lane)) };
                        for (sums, gradient) in sums.iter_mut().zip(gradients) {
                            sums[t] = simd.mul_add_e_f32s(gradient, value, sums[t]);
                        }
                    }
                }
                delta = delta.wrapping_add(SAMPLES);
                distance += self.steps[1];
            }
        }
        for (o, sums) in sums.into_iter().enumerate() {
            for (t, sum) in sums.into_iter().enumerate() {
                let to = self.sums.wrapping_add((o * T + t) * S::F32_LANES);
                // SAFETY: guaranteed by the caller.
                unsafe { store::<S>(to, sum) };
            }
        }
    }
}
