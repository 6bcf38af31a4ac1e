//! The convolution of 16 samples: forward, and the gradient of its input.
//!
//! Both are one loop over a register tile of output channels times positions of a row, `acc[o, x] += w[o, c, tap] *
//! input[c, x + tap]`, with the samples in the lanes and a weight in all of them. Each sum runs over channels and taps
//! in order, so it is bitwise independent of tiles and threads. No matrix of patches is written.

use super::{Epilogue, Kernel, Lanes, load, product::groups, store};
use crate::engine::fused::{
    memory::image::{ImageView, ImageViewMut},
    program::{Pass, SAMPLES},
};

/// The positions of a pass, for every output channel.
pub(crate) struct Convolve<'a> {
    pub(crate) pass: &'a Pass,
    pub(crate) input: ImageView<'a>,
    /// See [`PackKernels`](super::PackKernels).
    pub(crate) weights: &'a [f32],
    pub(crate) output: ImageViewMut<'a>,
    /// Whether the sums are added to the output, or replace it.
    pub(crate) adds: bool,
    pub(crate) epilogue: Epilogue<ImageView<'a>>,
}

/// Half of an L1 cache of 48 kB, or three quarters of one of 32 kB.
const CHUNK_BYTES: usize = 24 << 10;
/// The minimum of input channels at a time, for which loading and storing the sums does not matter.
const MIN_CHUNK: usize = 4;

/// Calls `$call!(outputs, positions)` with literals, for a tile that the SIMD level has.
macro_rules! with_tile {
    ($lanes:ty, $size:expr, $call:ident) => {
        with_tile!(@arms $lanes, $size, $call,
            (6, 4) (6, 3) (6, 2) (6, 1) (5, 4) (5, 3) (5, 2) (5, 1) (4, 4) (4, 3) (4, 2) (4, 1)
            (3, 4) (3, 3) (3, 2) (3, 1) (2, 4) (2, 3) (2, 2) (2, 1) (1, 4) (1, 3) (1, 2) (1, 1))
    };
    (@arms $lanes:ty, $size:expr, $call:ident, $(($o:literal, $x:literal))*) => {
        match $size {
            // Tiles that are too large for the level are not compiled.
            $(($o, $x) if const {
                <$lanes>::TILE_OUTPUTS >= $o && <$lanes>::TILE_POSITIONS >= $x
            } => $call!($o, $x),)*
            (outputs, positions) => {
                unreachable!("no tile of {outputs} outputs and {positions} positions")
            }
        }
    };
}
pub(super) use with_tile;

impl Kernel for Convolve<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let Convolve {
            pass,
            input,
            weights,
            output,
            adds,
            epilogue,
        } = self;
        if pass.rows * pass.columns == 0 {
            return;
        }
        let channels = output.layout.channels;
        let rows_of_weights = 1 + input.layout.channels * pass.taps.len();
        assert_eq!(weights.len(), rows_of_weights * channels);
        let end = pass.end(input.layout.channels, input.layout.channel_stride());
        assert!(end <= input.layout.len());
        let [rows, columns] = pass.output;
        assert!(rows[0] + (pass.rows - 1) * rows[1] < output.layout.rows);
        assert!(columns[0] + (pass.columns - 1) * columns[1] < output.layout.columns);
        let derivative = epilogue.values();
        assert!(derivative.is_none_or(|image| image.layout.size() == output.layout.size()));
        let chunk = chunk::<S>(pass, channels);
        for lane in (0..SAMPLES).step_by(S::F32_LANES) {
            for row in 0..pass.rows {
                for some in groups(input.layout.channels, chunk) {
                    for positions in groups(pass.columns, S::TILE_POSITIONS) {
                        for outputs in groups(channels, S::TILE_OUTPUTS) {
                            let y = rows[0] + row * rows[1];
                            let x = columns[0] + positions.start * columns[1];
                            let distance = row * pass.steps[0] + positions.start * pass.steps[1];
                            let from = some.start * input.layout.channel_stride() + pass.first;
                            let taps = pass.read[row].clone();
                            let rows_before = 1 + some.start * pass.taps.len() + taps.start;
                            let weights = &weights[rows_of_weights * outputs.start..];
                            let tile = Tile {
                                input: input.start.wrapping_add(from + distance + lane),
                                channels: some.len(),
                                channel_stride: input.layout.channel_stride(),
                                step: pass.steps[1],
                                weights_channel: pass.taps.len() * outputs.len(),
                                taps: &pass.taps[taps],
                                bias: (some.start == 0 && !adds).then_some(weights.as_ptr()),
                                weights: weights[rows_before * outputs.len()..].as_ptr(),
                                output: output.at([outputs.start, y, x]).wrapping_add(lane),
                                output_channel: output.layout.channel_stride(),
                                output_step: columns[1] * SAMPLES,
                                epilogue: (some.end == input.layout.channels).then_some(&epilogue),
                                derivative: derivative.map_or((std::ptr::null(), 0), |image| {
                                    let from = image.at([outputs.start, y, x]).wrapping_add(lane);
                                    (from, image.layout.channel_stride())
                                }),
                            };
                            macro_rules! call {
                                ($o:literal, $x:literal) => {
                                    // SAFETY: the tile's positions are among those of the pass and its channels among
                                    // the input's and the output's. By the assertions above, their taps are within the
                                    // input and their weights are there, and they are pixels of the output and of the
                                    // derivatives.
                                    unsafe { tile.compute::<S, $o, $x>(simd) }
                                };
                            }
                            with_tile!(S, (outputs.len(), positions.len()), call);
                        }
                    }
                }
            }
        }
    }
}

/// The number of input channels that are summed at a time: those whose values for a tile, and whose weights for every
/// output channel, fit in the L1 cache together. The sums are kept in the output in between.
fn chunk<S: Lanes>(pass: &Pass, outputs: usize) -> usize {
    let taps = pass.taps.len();
    let values = taps + S::TILE_POSITIONS * taps.isqrt();
    let bytes = values * SAMPLES * size_of::<f32>() + taps * outputs * size_of::<f32>();
    (CHUNK_BYTES / bytes.max(1)).max(MIN_CHUNK)
}

/// Some output channels at some positions of a row.
struct Tile<'a> {
    /// The first position, in the input's first channel.
    input: *const f32,
    channels: usize,
    channel_stride: usize,
    /// The stride from one position to the next.
    step: usize,
    taps: &'a [usize],
    /// For each output channel its bias, where the sums begin; else they begin with the output.
    bias: Option<*const f32>,
    /// For each tap of the first input channel the weight of each output channel.
    weights: *const f32,
    /// The stride of the weights from one input channel to the next.
    weights_channel: usize,
    output: *mut f32,
    output_channel: usize,
    output_step: usize,
    /// If these are the last input channels.
    epilogue: Option<&'a Epilogue<ImageView<'a>>>,
    /// The derivatives of the first position, and the stride from one channel to the next.
    derivative: (*const f32, usize),
}

impl Tile<'_> {
    /// # Safety
    /// For `O` output channels and `X` positions: the taps of every channel, and biases and weights, are valid for reads,
    /// the output and the derivatives for writes and reads of a vector each.
    #[inline(always)]
    unsafe fn compute<S: Lanes, const O: usize, const X: usize>(&self, simd: S) {
        let mut sums = [[simd.splat_f32s(0.0); X]; O];
        for (o, sums) in sums.iter_mut().enumerate() {
            match self.bias {
                // SAFETY: guaranteed by the caller.
                Some(bias) => *sums = [simd.splat_f32s(unsafe { *bias.wrapping_add(o) }); X],
                None => {
                    for (x, sum) in sums.iter_mut().enumerate() {
                        let distance = o * self.output_channel + x * self.output_step;
                        // SAFETY: guaranteed by the caller.
                        *sum = unsafe { load::<S>(self.output.wrapping_add(distance)) };
                    }
                }
            }
        }
        for channel in 0..self.channels {
            let input = self.input.wrapping_add(channel * self.channel_stride);
            let mut weights = self.weights.wrapping_add(channel * self.weights_channel);
            for &tap in self.taps {
                let from = input.wrapping_add(tap);
                let mut values = [simd.splat_f32s(0.0); X];
                for (x, value) in values.iter_mut().enumerate() {
                    // SAFETY: guaranteed by the caller.
                    *value = unsafe { load::<S>(from.wrapping_add(x * self.step)) };
                }
                for (o, sums) in sums.iter_mut().enumerate() {
                    // SAFETY: guaranteed by the caller.
                    let weight = simd.splat_f32s(unsafe { *weights.wrapping_add(o) });
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum = simd.mul_add_e_f32s(weight, value, *sum);
                    }
                }
                weights = weights.wrapping_add(O);
            }
        }
        for (o, sums) in sums.into_iter().enumerate() {
            for (x, sum) in sums.into_iter().enumerate() {
                let distance = x * self.output_step;
                let place = self.output.wrapping_add(o * self.output_channel + distance);
                let (derivatives, stride) = self.derivative;
                // SAFETY: guaranteed by the caller.
                unsafe {
                    let from = |_: &ImageView<'_>| derivatives.wrapping_add(o * stride + distance);
                    let value = match self.epilogue {
                        None => sum,
                        Some(epilogue) => epilogue.apply(simd, from, sum),
                    };
                    store::<S>(place, value);
                }
            }
        }
    }
}
