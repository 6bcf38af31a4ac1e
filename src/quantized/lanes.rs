//! [`Lanes`]: vectors of sums, and [`Kernel`]s, which compute with them.

use super::pack::QUAD;

/// A computation that is compiled for every [`Level`](super::level::Level).
pub(super) trait Kernel {
    /// Must be `#[inline(always)]`, and so must all that it calls in its loops: only then is it
    /// compiled with the level's instructions.
    fn run<L: Lanes>(self, lanes: L);
}

/// The operations of a product, on vectors of [`LANES`](Lanes::LANES) sums.
pub(super) trait Lanes: Copy {
    type Sums: Copy;
    /// Four codes, the same in every lane.
    type Codes: Copy;
    /// Four weights for each lane.
    type Weights: Copy;
    /// Divides 16.
    const LANES: usize;
    /// The number of vectors of outputs for which the sums of several columns fit in registers, whole blocks of 16 outputs.
    const WIDE: usize;
    /// Whether it computes with the codes minus 128: then 128 times the sum of the weights is in the bias.
    const CENTRED: bool = false;
    /// The same instructions, with the codes themselves: where codes of 0 are skipped.
    type Uncentred: Lanes;
    fn uncentred(self) -> Self::Uncentred;

    fn zeros(self) -> Self::Sums;
    fn codes(self, quad: [u8; QUAD]) -> Self::Codes;
    /// # Safety
    /// `from` is valid for reads of `4 LANES` bytes.
    unsafe fn weights(self, from: *const i8) -> Self::Weights;
    /// To each lane's sum, adds its four products, modulo 2^32.
    fn add_products(
        self,
        sums: Self::Sums,
        codes: Self::Codes,
        weights: Self::Weights,
    ) -> Self::Sums;
    fn add(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// # Safety
    /// `to` is valid for writes of `LANES` values.
    unsafe fn store(self, to: *mut i32, sums: Self::Sums);
}
