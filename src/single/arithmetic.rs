//! [`Arithmetic`]: what the [functions](super::functions) compute with, whose vectors are of any kind.

/// Arithmetic of vectors of `f32`.
///
/// Frozen models have [vectors of their own](super::vectors), the engine `Fused` those of [`pulp`](https://docs.rs/pulp).
pub trait Arithmetic: Copy {
    type Vector: Copy;

    fn splat(self, value: f32) -> Self::Vector;
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a b + c`, fused where the processor has fused multiply-add.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `|v|`.
    fn abs(self, v: Self::Vector) -> Self::Vector;
    /// `then` where `a < b`, of `ab`, else `other`, also where one is NaN.
    fn if_less(
        self,
        ab: [Self::Vector; 2],
        then: Self::Vector,
        other: Self::Vector,
    ) -> Self::Vector;
    /// `2^(n + more)` of an `n` in the low bits of a mantissa, for sums from -126 to 127.
    fn power_of_two(self, n: Self::Vector, more: i32) -> Self::Vector;
}

/// The bits that, added to those of `n` shifted into the exponent, make `2^(n + more)`.
#[inline(always)]
pub(crate) const fn exponent(more: i32) -> i32 {
    (127 + more) << 23
}
