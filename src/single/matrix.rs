//! [`Matrix`]: the weight and the bias of a layer, in either storage.

use super::Lanes;

/// The number of columns in a block.
pub(crate) const BLOCK: usize = 16;

/// A layer's weight `[O, I]` and its bias `[O]`.
pub trait Matrix: Copy {
    /// `output = W input + b`, then ReLU if `relu`. `sparse` states that many inputs may be zero and that the weights are
    /// finite, so that zeros may be skipped.
    ///
    /// # Safety
    /// `input` is `[I]`, `output` has room for whole blocks, `16 ceil(O / 16)` values.
    unsafe fn product<L: Lanes>(
        self,
        lanes: L,
        input: &[f32],
        output: &mut [f32],
        sparse: bool,
        relu: bool,
    );

    /// The weights of input `i` for the outputs from `output` on: of as many as a vector has, or of those that exist; the
    /// other lanes have any value.
    ///
    /// # Safety
    /// `i` is below `I`, `output` is below `O` and a multiple of `LANES`.
    unsafe fn weights<L: Lanes>(self, lanes: L, i: usize, output: usize) -> L::Vector;

    /// The bias of the same outputs.
    ///
    /// # Safety
    /// `output` is below `O` and a multiple of `LANES`.
    unsafe fn bias<L: Lanes>(self, lanes: L, output: usize) -> L::Vector;

    /// The weight of input `i` for one output.
    ///
    /// # Safety
    /// `i` is below `I`, `output` is below `O`.
    unsafe fn weight(self, i: usize, output: usize) -> f32;

    /// The bias of one output.
    ///
    /// # Safety
    /// `output` is below `O`.
    unsafe fn bias_of(self, output: usize) -> f32;

    /// The weight and the bias of one channel, where the weight is `[C, 1]`, as that of a batch normalisation.
    ///
    /// # Safety
    /// `channel` is below `C`.
    #[inline(always)]
    unsafe fn of_channel(self, channel: usize) -> [f32; 2] {
        // SAFETY: guaranteed by the caller.
        unsafe { [self.weight(0, channel), self.bias_of(channel)] }
    }
}
