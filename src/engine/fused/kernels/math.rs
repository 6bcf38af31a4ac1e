//! Vectorised functions: exponential, error function, the activations and their derivatives.
//!
//! All propagate NaN: a clamp selects its bound only where a comparison with the argument holds.

use super::Lanes;
use crate::plan::Op;

/// `c[0] + c[1] x + c[2] x^2 + ...`.
#[inline(always)]
fn polynomial<S: Lanes, const N: usize>(simd: S, x: S::f32s, c: [f32; N]) -> S::f32s {
    let mut sum = simd.splat_f32s(c[N - 1]);
    for &c in c[..N - 1].iter().rev() {
        sum = simd.mul_add_e_f32s(sum, x, simd.splat_f32s(c));
    }
    sum
}

#[inline(always)]
fn clamp<S: Lanes>(simd: S, x: S::f32s, least: f32, most: f32) -> S::f32s {
    let (least, most) = (simd.splat_f32s(least), simd.splat_f32s(most));
    let x = simd.select_f32s(simd.less_than_f32s(x, least), least, x);
    simd.select_f32s(simd.greater_than_f32s(x, most), most, x)
}

/// `exp(r) - 1` and `2^n`, where `x = n ln 2 + r`, `n = round(x / ln 2)`; for `x` clamped to between -87 and 88.
///
/// `exp(r)` by the polynomial of Cephes' `expf` (S. Moshier, "Methods and programs for mathematical functions", 1989).
#[inline(always)]
fn reduced_exp<S: Lanes>(simd: S, x: S::f32s) -> (S::f32s, S::f32s) {
    let x = clamp(simd, x, -87.0, 88.0);
    // Adding this to a number below 2^22 leaves the nearest integer in the low bits.
    let whole = simd.splat_f32s(12_582_912.0);
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(std::f32::consts::LOG2_E), whole);
    let n = simd.sub_f32s(shifted, whole);
    // ln 2 is split in two, the first part with so few bits that its product with `n` is exact.
    let r = simd.minus_product(x, n, simd.splat_f32s(0.693_359_4));
    let r = simd.minus_product(r, n, simd.splat_f32s(-2.121_944_4e-4));
    let c = [
        0.5,
        1.666_666_5e-1,
        4.166_579_6e-2,
        8.333_452e-3,
        1.398_2e-3,
        1.987_569_1e-4,
    ];
    let square = simd.mul_f32s(r, r);
    let y = simd.mul_add_e_f32s(polynomial(simd, r, c), square, r);
    let bits = simd.transmute_u32s_f32s(shifted);
    let exponent = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    let exponent = simd.add_u32s(exponent, simd.splat_u32s(127 << 23));
    (y, simd.transmute_f32s_u32s(exponent))
}

/// `exp(x)` to 2 units in the last place; 0 for `x` below -87, `exp(88)` above 88.
#[inline(always)]
pub(super) fn exp<S: Lanes>(simd: S, x: S::f32s) -> S::f32s {
    let is_small = simd.less_than_f32s(x, simd.splat_f32s(-87.0));
    let (y, scale) = reduced_exp(simd, x);
    let y = simd.mul_f32s(simd.add_f32s(y, simd.splat_f32s(1.0)), scale);
    simd.select_f32s(is_small, simd.splat_f32s(0.0), y)
}

/// `exp(x) - 1` for `x` up to 0, to 3 units in the last place: near 0, where the power of 2 is 1, nothing cancels.
#[inline(always)]
fn exp_m1<S: Lanes>(simd: S, x: S::f32s) -> S::f32s {
    let (y, scale) = reduced_exp(simd, x);
    simd.mul_add_e_f32s(y, scale, simd.sub_f32s(scale, simd.splat_f32s(1.0)))
}

/// `ln(1 + t)` for `t` from 0 to 1: `2 artanh(s)`, `s = t / (2 + t)`, by its series, whose first omitted term is below
/// 2e-8 of the sum.
#[inline(always)]
pub(super) fn ln_1p<S: Lanes>(simd: S, t: S::f32s) -> S::f32s {
    let s = simd.div_f32s(t, simd.add_f32s(t, simd.splat_f32s(2.0)));
    let c = [
        2.0,
        2.0 / 3.0,
        2.0 / 5.0,
        2.0 / 7.0,
        2.0 / 9.0,
        2.0 / 11.0,
        2.0 / 13.0,
    ];
    simd.mul_f32s(s, polynomial(simd, simd.mul_f32s(s, s), c))
}

/// `tanh(x)` to a few units in the last place: a rational approximation.
///
/// Source: Eigen, `generic_fast_tanh_float`.
#[inline(always)]
fn tanh<S: Lanes>(simd: S, x: S::f32s) -> S::f32s {
    let x = clamp(simd, x, -7.905_311, 7.905_311);
    let square = simd.mul_f32s(x, x);
    let above = [
        4.893_525e-3,
        6.372_619e-4,
        1.485_722_4e-5,
        5.122_297e-8,
        -8.604_672e-11,
        2.000_188e-13,
        -2.760_768_4e-16,
    ];
    let below = [4.893_525e-3, 2.268_434_6e-3, 1.185_347_1e-4, 1.198_258_4e-6];
    let above = simd.mul_f32s(x, polynomial(simd, square, above));
    simd.div_f32s(above, polynomial(simd, square, below))
}

/// `erf(x)` to within 5e-7: a rational approximation.
///
/// Source: Eigen, `generic_fast_erf_float`.
#[inline(always)]
fn erf<S: Lanes>(simd: S, x: S::f32s) -> S::f32s {
    const FAR: f32 = 3.832_507;
    let is_far = simd.greater_than_f32s(simd.abs_f32s(x), simd.splat_f32s(FAR));
    let x = clamp(simd, x, -FAR, FAR);
    let square = simd.mul_f32s(x, x);
    let above = [
        -1.609_603_3e-2,
        -2.954_6e-3,
        -7.349_906e-4,
        -5.692_506_4e-5,
        -2.101_024e-6,
        2.770_681_4e-8,
        -2.726_142_3e-10,
    ];
    let below = [
        -1.426_474e-2,
        -7.373_329_2e-3,
        -1.682_827e-3,
        -2.133_740_6e-4,
        -1.456_607_2e-5,
    ];
    let above = simd.mul_f32s(x, polynomial(simd, square, above));
    let near = simd.div_f32s(above, polynomial(simd, square, below));
    // There erf is exactly 1 or -1 in `f32`; multiplied by a large `x`, an error in the last digit would matter.
    simd.select_f32s(is_far, simd.mul_f32s(x, simd.splat_f32s(1.0 / FAR)), near)
}

/// `op(x)` and its derivative at `x`; formulas at [`Op`]. Dropout, which is not a function of `x` alone, returns `x`.
#[inline(always)]
pub(super) fn activate<S: Lanes>(simd: S, op: Op, x: S::f32s) -> (S::f32s, S::f32s) {
    let splat = |value: f32| simd.splat_f32s(value);
    let (zero, one) = (splat(0.0), splat(1.0));
    let positive = simd.greater_than_f32s(x, zero);
    // e = exp(-|x|), and from p = 1 / (1 + e) and e p the sigmoid of x and of -x, which add up to 1
    let sigmoid = || {
        let e = exp(simd, simd.neg_f32s(simd.abs_f32s(x)));
        let p = simd.div_f32s(one, simd.add_f32s(one, e));
        let q = simd.mul_f32s(e, p);
        let select = |above, below| simd.select_f32s(positive, above, below);
        (e, select(p, q), select(q, p))
    };
    match op {
        Op::Relu => {
            let derivative = simd.select_f32s(simd.less_than_or_equal_f32s(x, zero), zero, one);
            (simd.relu(x), derivative)
        }
        Op::LeakyRelu { slope_percent } => {
            let derivative = splat(slope_percent as f32 / 100.0);
            let derivative = simd.select_f32s(positive, one, derivative);
            (simd.mul_f32s(x, derivative), derivative)
        }
        Op::Sigmoid => {
            let (_, y, _) = sigmoid();
            (y, simd.mul_f32s(y, simd.sub_f32s(one, y)))
        }
        Op::Tanh => {
            let y = tanh(simd, x);
            (y, simd.minus_product(one, y, y))
        }
        Op::Gelu => {
            let scaled = simd.mul_f32s(x, splat(std::f32::consts::FRAC_1_SQRT_2));
            let cdf = simd.mul_f32s(splat(0.5), simd.add_f32s(one, erf(simd, scaled)));
            let half_square = simd.mul_f32s(scaled, scaled);
            let density = exp(simd, simd.neg_f32s(half_square));
            // 1 / sqrt(2 pi)
            let density = simd.mul_f32s(density, splat(0.398_942_3));
            (simd.mul_f32s(x, cdf), simd.mul_add_e_f32s(x, density, cdf))
        }
        Op::Softplus => {
            let (e, derivative, _) = sigmoid();
            let y = simd.add_f32s(simd.relu(x), ln_1p(simd, e));
            (
                simd.select_f32s(simd.greater_than_f32s(x, splat(20.0)), x, y),
                derivative,
            )
        }
        Op::Silu => {
            let (_, s, of_minus_x) = sigmoid();
            let y = simd.mul_f32s(x, s);
            (y, simd.mul_add_e_f32s(y, of_minus_x, s))
        }
        Op::Elu { alpha_percent } => {
            let alpha = splat(alpha_percent as f32 / 100.0);
            let below = |y| simd.mul_f32s(alpha, y);
            let y = simd.select_f32s(positive, x, below(exp_m1(simd, x)));
            (y, simd.select_f32s(positive, one, below(exp(simd, x))))
        }
        Op::Hardswish => {
            let gate = clamp(simd, simd.add_f32s(x, splat(3.0)), 0.0, 6.0);
            let y = simd.mul_f32s(x, simd.mul_f32s(gate, splat(1.0 / 6.0)));
            let derivative = simd.mul_add_e_f32s(x, splat(1.0 / 3.0), splat(0.5));
            let is_high = simd.greater_than_or_equal_f32s(x, splat(3.0));
            let derivative = simd.select_f32s(is_high, one, derivative);
            let is_low = simd.less_than_or_equal_f32s(x, splat(-3.0));
            (y, simd.select_f32s(is_low, zero, derivative))
        }
        Op::Linear
        | Op::Dropout { .. }
        | Op::Dropout2d { .. }
        | Op::Conv2d(_)
        | Op::MaxPool2d(_)
        | Op::AvgPool2d(_)
        | Op::Flatten
        | Op::BatchNorm { .. }
        | Op::Standardize
        | Op::LayerNorm { .. }
        | Op::PRelu { .. }
        | Op::Embedding { .. }
        | Op::TokenEmbedding { .. }
        | Op::EmbeddingBag { .. }
        | Op::OneHot
        | Op::Narrow { .. }
        | Op::Dot { .. }
        | Op::Add { .. }
        | Op::Concat { .. } => (x, one),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kernel, dispatch};
    use super::*;
    use crate::engine::fused::Simd;

    /// One function over many arguments, at every SIMD level of this processor.
    fn each(function: Function, xs: &[f32], check: impl Fn(Simd, f32, f32, f32)) {
        for simd in [Simd::Avx512, Simd::Avx2, Simd::Neon, Simd::Scalar] {
            if !simd.is_available() {
                continue;
            }
            for (x, (y, derivative)) in xs.iter().zip(dispatch(simd, Map { function, xs })) {
                check(simd, *x, y, derivative);
            }
        }
    }

    #[derive(Clone, Copy)]
    enum Function {
        Exp,
        Activation(Op),
    }

    struct Map<'a> {
        function: Function,
        xs: &'a [f32],
    }

    impl Kernel for Map<'_> {
        type Output = Vec<(f32, f32)>;

        #[inline(always)]
        fn run<S: Lanes>(self, simd: S) -> Vec<(f32, f32)> {
            let pairs = self.xs.iter().map(|&x| {
                let x = simd.splat_f32s(x);
                let (y, derivative) = match self.function {
                    Function::Exp => (exp(simd, x), x),
                    Function::Activation(op) => activate(simd, op, x),
                };
                (simd.reduce_max_f32s(y), simd.reduce_max_f32s(derivative))
            });
            pairs.collect()
        }
    }

    fn grid(from: f32, to: f32) -> Vec<f32> {
        (0..=20_000)
            .map(|i| from + (to - from) * i as f32 / 20_000.0)
            .collect()
    }

    #[test]
    fn exp_is_that_of_f64_to_two_units_in_the_last_place() {
        each(Function::Exp, &grid(-87.0, 88.0), |simd, x, y, _| {
            let expected = f64::from(x).exp();
            let error = (f64::from(y) - expected).abs() / expected;
            assert!(error < 2.4e-7, "{simd:?} exp({x}): {y} against {expected}");
        });
    }

    /// The error function by its Maclaurin series, in `f64`.
    fn erf_series(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for n in 1..400 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        sum * 2.0 / std::f64::consts::PI.sqrt()
    }

    fn reference(op: Op, x: f64) -> f64 {
        match op {
            Op::Relu => x.max(0.0),
            Op::LeakyRelu { slope_percent } if x < 0.0 => x * f64::from(slope_percent) / 100.0,
            Op::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Op::Tanh => x.tanh(),
            Op::Gelu => x / 2.0 * (1.0 + erf_series(x / 2f64.sqrt())),
            Op::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
            Op::Silu => x / (1.0 + (-x).exp()),
            Op::Elu { alpha_percent } if x < 0.0 => x.exp_m1() * f64::from(alpha_percent) / 100.0,
            Op::Hardswish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
            _ => x,
        }
    }

    /// Where the derivative jumps.
    fn kinks(op: Op) -> &'static [f64] {
        match op {
            Op::Relu | Op::LeakyRelu { .. } | Op::Elu { alpha_percent: 50 } => &[0.0],
            Op::Hardswish => &[-3.0, 3.0],
            _ => &[],
        }
    }

    #[test]
    fn activations_and_slopes_are_those_of_f64() {
        let leaky = Op::LeakyRelu { slope_percent: 20 };
        for op in [
            Op::Relu,
            leaky,
            Op::Sigmoid,
            Op::Tanh,
            Op::Gelu,
            Op::Softplus,
            Op::Silu,
            Op::Elu { alpha_percent: 100 },
            Op::Elu { alpha_percent: 50 },
            Op::Hardswish,
        ] {
            each(
                Function::Activation(op),
                &grid(-5.01, 5.0),
                |simd, x, y, derivative| {
                    let x = f64::from(x);
                    let expected = reference(op, x);
                    let h = 1e-5;
                    if kinks(op).iter().any(|kink| (x - kink).abs() < h) {
                        return; // the finite difference below would cross the kink
                    }
                    let steep = (reference(op, x + h) - reference(op, x - h)) / (2.0 * h);
                    // erf's 5e-7, times |x| / 2; the others are within about 1e-7
                    let close = 2e-6;
                    assert!(
                        (f64::from(y) - expected).abs() < close,
                        "{simd:?} {op:?}({x}): {y}"
                    );
                    assert!(
                        (f64::from(derivative) - steep).abs() < close,
                        "{simd:?} {op:?}'({x}): {derivative}"
                    );
                },
            );
        }
    }

    /// `exp(x) - 1` near 0 has the relative accuracy of `x`, and its slope that of `exp` however small it is.
    #[test]
    fn elu_and_its_slope_are_accurate_to_three_units_in_the_last_place() {
        let mut xs = grid(-87.0, 0.0);
        xs.retain(|&x| x < 0.0);
        xs.extend((0..2000).map(|i| -(-f64::from(i) / 50.0).exp() as f32));
        let op = Op::Elu { alpha_percent: 100 };
        each(Function::Activation(op), &xs, |simd, x, y, derivative| {
            let x = f64::from(x);
            for (found, expected) in [(y, x.exp_m1()), (derivative, x.exp())] {
                let error = (f64::from(found) - expected).abs() / expected.abs();
                assert!(error < 3.6e-7, "{simd:?} {x}: {found} against {expected}");
            }
        });
    }

    #[test]
    fn large_arguments_and_nan() {
        for op in [
            Op::Sigmoid,
            Op::Tanh,
            Op::Gelu,
            Op::Softplus,
            Op::Relu,
            Op::Silu,
            Op::Elu { alpha_percent: 200 },
            Op::Hardswish,
        ] {
            let (low, high) = match op {
                Op::Sigmoid => (0.0, 1.0),
                Op::Tanh => (-1.0, 1.0),
                Op::Elu { .. } => (-2.0, 500.0),
                _ => (0.0, 500.0),
            };
            each(
                Function::Activation(op),
                &[-500.0, 500.0, f32::NAN],
                |simd, x, y, derivative| {
                    if x.is_nan() {
                        assert!(y.is_nan(), "{simd:?} {op:?}: {y}");
                    } else {
                        let expected = if x < 0.0 { low } else { high };
                        assert!((y - expected).abs() < 1e-6, "{simd:?} {op:?}({x}): {y}");
                        assert!(derivative.is_finite());
                    }
                },
            );
        }
    }
}
