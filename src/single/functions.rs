//! Functions of vectors: exponential, logarithm, hyperbolic tangent, and the tail of the normal distribution.
//!
//! All propagate NaN: a clamp selects its bound only where a comparison with the argument holds.

use super::arithmetic::{Arithmetic, exponent};

/// `c[0] + c[1] x + c[2] x^2 + ...`.
#[inline(always)]
pub(crate) fn polynomial<A: Arithmetic, const N: usize>(
    a: A,
    x: A::Vector,
    c: [f32; N],
) -> A::Vector {
    let mut sum = a.splat(c[N - 1]);
    for &c in c[..N - 1].iter().rev() {
        sum = a.mul_add(sum, x, a.splat(c));
    }
    sum
}

#[inline(always)]
pub(crate) fn clamp<A: Arithmetic>(a: A, x: A::Vector, least: f32, most: f32) -> A::Vector {
    let (least, most) = (a.splat(least), a.splat(most));
    let x = a.if_less([x, least], least, x);
    a.if_less([most, x], most, x)
}

/// `-v`.
#[inline(always)]
pub(crate) fn minus<A: Arithmetic>(a: A, v: A::Vector) -> A::Vector {
    a.sub(a.splat(-0.0), v)
}

/// A power of `e` in parts: `exp(x) = exp(r) 2^n`.
pub(crate) struct Power<V> {
    /// `r`.
    pub(crate) rest: V,
    /// `n`, in the low bits of its mantissa.
    pub(crate) n: V,
}

/// `x = n ln 2 + r`, `n = round(x / ln 2)`, for `x` from -110 to 88.
#[inline(always)]
pub(crate) fn power<A: Arithmetic>(a: A, x: A::Vector) -> Power<A::Vector> {
    // Adding this to a number below 2^22 leaves the nearest integer in the low bits.
    let whole = a.splat(12_582_912.0);
    let shifted = a.mul_add(x, a.splat(core::f32::consts::LOG2_E), whole);
    let n = a.sub(shifted, whole);
    // ln 2 is split in two, the first part with so few bits that its product with `n` is exact.
    let rest = a.mul_add(n, a.splat(-0.693_359_4), x);
    let rest = a.mul_add(n, a.splat(2.121_944_4e-4), rest);
    Power { rest, n: shifted }
}

/// `exp(r) - 1` for `r` from -0.4 to 0.4, by the polynomial of Cephes' `expf` (S. Moshier, "Methods and programs for
/// mathematical functions", 1989).
#[inline(always)]
pub(crate) fn exp_m1_near_0<A: Arithmetic>(a: A, r: A::Vector) -> A::Vector {
    let c = [
        0.5,
        1.666_666_5e-1,
        4.166_579_6e-2,
        8.333_452e-3,
        1.398_2e-3,
        1.987_569_1e-4,
    ];
    a.mul_add(polynomial(a, r, c), a.mul(r, r), r)
}

/// Numbers that may be denormal are computed `2^SCALE` times as large, and rounded once.
pub(super) const SCALE: i32 = 64;

/// `v / 2^SCALE`.
#[inline(always)]
pub(super) fn unscaled<A: Arithmetic>(a: A, v: A::Vector) -> A::Vector {
    a.mul(v, a.splat(f32::from_bits(exponent(-SCALE) as u32)))
}

/// `exp(x)` times `2^SCALE`, for `x` up to 0; `exp(-110)` below -110.
#[inline(always)]
pub(super) fn scaled_exp<A: Arithmetic>(a: A, x: A::Vector) -> A::Vector {
    let least = a.splat(-110.0);
    let Power { rest, n } = power(a, a.if_less([x, least], least, x));
    let y = a.add(exp_m1_near_0(a, rest), a.splat(1.0));
    a.mul(y, a.power_of_two(n, SCALE))
}

/// `exp(x)` for `x` up to 0.
#[inline(always)]
pub(super) fn exp<A: Arithmetic>(a: A, x: A::Vector) -> A::Vector {
    unscaled(a, scaled_exp(a, x))
}

/// `exp(x) - 1` for `x` up to 0: near 0, where the power of 2 is 1, nothing cancels.
#[inline(always)]
pub(crate) fn exp_m1<A: Arithmetic>(a: A, x: A::Vector) -> A::Vector {
    let Power { rest, n } = power(a, clamp(a, x, -87.0, 0.0));
    let scale = a.power_of_two(n, 0);
    a.mul_add(exp_m1_near_0(a, rest), scale, a.sub(scale, a.splat(1.0)))
}

/// `ln(1 + t)` for `t` from 0 to 1: `2 artanh(s)`, `s = t / (2 + t)`, by its series, whose first omitted term is below
/// 2e-8 of the sum.
#[inline(always)]
pub(crate) fn ln_1p<A: Arithmetic>(a: A, t: A::Vector) -> A::Vector {
    let s = a.div(t, a.add(t, a.splat(2.0)));
    let c = [
        2.0,
        2.0 / 3.0,
        2.0 / 5.0,
        2.0 / 7.0,
        2.0 / 9.0,
        2.0 / 11.0,
        2.0 / 13.0,
    ];
    a.mul(s, polynomial(a, a.mul(s, s), c))
}

/// `tanh(x) = -d / (2 + d)` with `d = exp(-2 x) - 1` for `x` from 0 on; it is odd.
#[inline(always)]
pub(crate) fn tanh<A: Arithmetic>(a: A, x: A::Vector) -> A::Vector {
    let zero = a.splat(0.0);
    let d = exp_m1(a, a.mul(a.splat(-2.0), a.abs(x)));
    let minus_size = a.div(d, a.add(a.splat(2.0), d));
    let above = a.if_less([zero, x], minus(a, minus_size), x);
    a.if_less([x, zero], minus_size, above)
}

/// The tail of the normal distribution in parts: `P(Z > z) = exp(-z^2 / 2) ratio`.
pub(crate) struct Tail<V> {
    /// `exp(-z^2 / 2)`.
    pub(crate) power: Power<V>,
    pub(crate) ratio: V,
}

/// Of a `z` from 0 to 14.7.
///
/// `ratio` is Mills' ratio, over the square root of 2 pi: with `t = 1 / (z + 3.5)` and `u = 2 z t - 1` it is `t` times a
/// polynomial of `u`, whose coefficients, by Remez' algorithm, have a relative error of 7e-8. Such a quotient: J. Schonfelder,
/// "Chebyshev expansions for the error and related functions", 1978.
#[inline(always)]
pub(crate) fn normal_tail<A: Arithmetic>(a: A, z: A::Vector) -> Tail<A::Vector> {
    // The square's rounding error would be multiplied by the exponential's slope, so `z` is split in two, the first part a
    // multiple of 1/256, with so few bits that its square is exact.
    let grid = a.splat(49_152.0);
    let high = a.sub(a.add(z, grid), grid);
    let low_square = a.mul(a.sub(z, high), a.add(z, high));
    let half = a.splat(-0.5);
    let Power { rest, n } = power(a, a.mul(half, a.mul(high, high)));
    let rest = a.mul_add(half, low_square, rest);
    let t = a.div(a.splat(1.0), a.add(z, a.splat(3.5)));
    let u = a.mul_add(a.add(z, z), t, a.splat(-1.0));
    let c = [
        0.744_416,
        -0.565_561_65,
        0.315_428_6,
        -0.116_055_25,
        0.017_367_508,
        0.006_496_134_9,
        -0.003_033_971_9,
        -0.000_447_036_46,
        0.000_254_151_53,
    ];
    Tail {
        power: Power { rest, n },
        ratio: a.mul(t, polynomial(a, u, c)),
    }
}
