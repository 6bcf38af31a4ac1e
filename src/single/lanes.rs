//! [`Lanes`]: vectors of `f32`, and [`Kernel`]s, which compute with them.
//!
//! The engines use [`pulp`](https://docs.rs/pulp); frozen models need only a few operations of it, without `std` and
//! without its dependencies.

use super::arithmetic::Arithmetic;

/// The operations of a product, on vectors of [`LANES`](Lanes::LANES) values.
pub trait Lanes: Arithmetic {
    /// Divides 16.
    const LANES: usize;
    /// The maximum number of blocks of 16 columns whose accumulators fit in registers.
    const MAX_BLOCKS: usize;
    /// The number of accumulators of a convolution that fit in registers, with a few vectors of weights.
    const ACCUMULATORS: usize;
    /// The number of vectors of weights that fit in registers beside these.
    const VECTORS: usize;

    /// The vector at `from`, which needs no alignment.
    ///
    /// # Safety
    /// `from` is valid for reads of `LANES` values.
    unsafe fn load(self, from: *const f32) -> Self::Vector;
    /// The vector whose values' little-endian bytes are at `from`.
    ///
    /// # Safety
    /// `from` is valid for reads of `4 LANES` bytes.
    unsafe fn load_bytes(self, from: *const [u8; 4]) -> Self::Vector;
    /// The vector of the binary16 whose little-endian bytes are at `from`, exactly.
    ///
    /// # Safety
    /// `from` is valid for reads of `2 LANES` bytes.
    unsafe fn load_f16(self, from: *const [u8; 2]) -> Self::Vector;
    /// The vector of the bfloat16 whose little-endian bytes are at `from`.
    ///
    /// # Safety
    /// As for `load_f16`.
    unsafe fn load_bf16(self, from: *const [u8; 2]) -> Self::Vector;
    /// # Safety
    /// `to` is valid for writes of `LANES` values.
    unsafe fn store(self, to: *mut f32, vector: Self::Vector);
    /// The first `count` values at `from`, and zeros.
    ///
    /// # Safety
    /// `count` is at most `LANES`, and `from` is valid for reads of that many values.
    unsafe fn load_first(self, from: *const f32, count: usize) -> Self::Vector;
    /// Stores the first `count` lanes.
    ///
    /// # Safety
    /// `count` is at most `LANES`, and `to` is valid for writes of that many values.
    unsafe fn store_first(self, to: *mut f32, vector: Self::Vector, count: usize);
    /// `max(v, 0)`; a NaN remains a NaN.
    fn relu(self, v: Self::Vector) -> Self::Vector;
    /// `v` where it is larger than `most` or a NaN, else `most`.
    fn max(self, most: Self::Vector, v: Self::Vector) -> Self::Vector;
    /// Writes `first + i` to `list` for every non-zero lane `i`, and returns their number.
    ///
    /// # Safety
    /// `list` is valid for writes of `LANES` values.
    unsafe fn list_nonzero(self, v: Self::Vector, first: u16, list: *mut u16) -> usize;
    /// The even and the odd ones of the values of two vectors, one after the other.
    fn deinterleave(self, a: Self::Vector, b: Self::Vector) -> [Self::Vector; 2];
    /// The sum of the lanes.
    fn sum(self, v: Self::Vector) -> f32;
}

/// A computation that is compiled for every [`Level`](super::Level).
pub(crate) trait Kernel {
    type Output;
    /// Must be `#[inline(always)]`, and so must all that it calls in its loops: only then is it
    /// compiled with the level's instructions.
    fn run<L: Lanes>(self, lanes: L) -> Self::Output;
}
