//! Vectorised functions: exponential, normal distribution, the activations and their derivatives. All propagate NaN.
//!
//! Results that would be denormal are 0: processors may be slow with them, and a training step gains nothing by them.

use super::Lanes;
use crate::{
    plan::Op,
    single::{
        Arithmetic, Power, Tail, clamp, exp_m1, exp_m1_near_0, ln_1p, normal_tail, power, tanh,
    },
};

/// `exp(x)` to an ulp; 0 for `x` below -87, `exp(88)` above 88.
#[inline(always)]
pub(super) fn exp<S: Lanes>(simd: S, x: S::f32s) -> S::f32s {
    let is_small = simd.less_than_f32s(x, simd.splat_f32s(-87.0));
    let y = exp_of(simd, power(simd, clamp(simd, x, -87.0, 88.0)));
    simd.select_f32s(is_small, simd.splat_f32s(0.0), y)
}

#[inline(always)]
fn exp_of<S: Lanes>(simd: S, Power { rest, n }: Power<S::f32s>) -> S::f32s {
    let y = simd.add_f32s(exp_m1_near_0(simd, rest), simd.splat_f32s(1.0));
    simd.mul_f32s(y, simd.power_of_two(n, 0))
}

/// `P(Z < x)` and `exp(-x^2 / 2)` of the normal distribution; 0 instead of less than 2e-37.
#[inline(always)]
fn normal<S: Lanes>(simd: S, x: S::f32s) -> [S::f32s; 2] {
    const FAR: f32 = 13.0;
    let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
    let z = simd.abs_f32s(x);
    let is_far = simd.greater_than_f32s(z, simd.splat_f32s(FAR));
    let Tail { power, ratio } = normal_tail(simd, clamp(simd, z, 0.0, FAR));
    let e = simd.select_f32s(is_far, zero, exp_of(simd, power));
    let tail = simd.mul_f32s(e, ratio);
    let is_negative = simd.less_than_f32s(x, zero);
    [
        simd.select_f32s(is_negative, tail, simd.sub_f32s(one, tail)),
        e,
    ]
}

/// `exp(-|x|)`, and the sigmoid of `x` and of `-x`, which add up to 1.
///
/// A closure would be compiled without the instructions of `S`, so that a training step of 64-512-10 took 5.6 times as long.
#[inline(always)]
fn sigmoids<S: Lanes>(simd: S, x: S::f32s) -> [S::f32s; 3] {
    let one = simd.splat_f32s(1.0);
    let e = exp(simd, simd.neg_f32s(simd.abs_f32s(x)));
    let p = simd.div_f32s(one, simd.add_f32s(one, e));
    let q = simd.mul_f32s(e, p);
    let positive = simd.greater_than_f32s(x, simd.splat_f32s(0.0));
    [
        e,
        simd.select_f32s(positive, p, q),
        simd.select_f32s(positive, q, p),
    ]
}

/// `op(x)` and its derivative at `x`; formulas at [`Op`]. Dropout, which is not a function of `x` alone, returns `x`.
#[inline(always)]
pub(super) fn activate<S: Lanes>(simd: S, op: Op, x: S::f32s) -> (S::f32s, S::f32s) {
    let splat = |value: f32| simd.splat_f32s(value);
    let (zero, one) = (splat(0.0), splat(1.0));
    let positive = simd.greater_than_f32s(x, zero);
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
            let [_, y, _] = sigmoids(simd, x);
            (y, simd.mul_f32s(y, simd.sub_f32s(one, y)))
        }
        Op::Tanh => {
            let y = tanh(simd, x);
            (y, simd.minus_product(one, y, y))
        }
        Op::Gelu => {
            let [cdf, e] = normal(simd, x);
            // 1 / sqrt(2 pi)
            let density = simd.mul_f32s(e, splat(0.398_942_3));
            (simd.mul_f32s(x, cdf), simd.mul_add_e_f32s(x, density, cdf))
        }
        Op::Softplus => {
            let [e, derivative, _] = sigmoids(simd, x);
            let y = simd.add_f32s(simd.relu(x), ln_1p(simd, e));
            (
                simd.select_f32s(simd.greater_than_f32s(x, splat(20.0)), x, y),
                derivative,
            )
        }
        Op::Silu => {
            let [_, s, of_minus_x] = sigmoids(simd, x);
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
                    // a few units in the last place of values up to 5
                    assert!(
                        (f64::from(y) - expected).abs() < 6e-7,
                        "{simd:?} {op:?}({x}): {y}"
                    );
                    // The difference may cross a place where ELU's slope bends: there it is off by `h / 4`.
                    assert!(
                        (f64::from(derivative) - steep).abs() < 3e-6,
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

    /// GELU is the size of the normal distribution's tail there, and nothing cancels.
    #[test]
    fn gelu_of_negative_numbers_is_accurate_to_six_units_in_the_last_place() {
        each(
            Function::Activation(Op::Gelu),
            &grid(-12.9, 0.0),
            |simd, x, y, _| {
                let x = f64::from(x);
                let expected = x / 2.0 * libm::erfc(-x / 2f64.sqrt());
                let error = (f64::from(y) - expected).abs() / expected.abs().max(1e-37);
                assert!(error < 7.2e-7, "{simd:?} {x}: {y} against {expected}");
            },
        );
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
