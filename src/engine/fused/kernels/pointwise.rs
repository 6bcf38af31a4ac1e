//! The losses that are a mean over the outputs: `1/C sum_c l(y_c, t_c)`.
//!
//! `y` is an output, `t` its target, `r = y - t`.

use super::{Lanes, math::exp};
use crate::single::ln_1p;

/// The loss of one output.
pub(super) trait Pointwise: Copy {
    /// `l(y, t)` and its derivative with respect to `y`. Both propagate NaN.
    fn of<S: Lanes>(self, simd: S, y: S::f32s, t: S::f32s) -> (S::f32s, S::f32s);
}

/// `r^2`; derivative `2 r`.
#[derive(Clone, Copy)]
pub(super) struct SquaredError;

impl Pointwise for SquaredError {
    #[inline(always)]
    fn of<S: Lanes>(self, simd: S, y: S::f32s, t: S::f32s) -> (S::f32s, S::f32s) {
        let error = simd.sub_f32s(y, t);
        (simd.mul_f32s(error, error), simd.add_f32s(error, error))
    }
}

/// `|r|`; derivative the sign of `r`, 0 at 0.
#[derive(Clone, Copy)]
pub(super) struct AbsoluteError;

impl Pointwise for AbsoluteError {
    #[inline(always)]
    fn of<S: Lanes>(self, simd: S, y: S::f32s, t: S::f32s) -> (S::f32s, S::f32s) {
        let error = simd.sub_f32s(y, t);
        let [zero, one, minus_one] = [0.0, 1.0, -1.0].map(|value| simd.splat_f32s(value));
        let sign = simd.select_f32s(simd.greater_than_f32s(error, zero), one, error);
        let sign = simd.select_f32s(simd.less_than_f32s(error, zero), minus_one, sign);
        (simd.abs_f32s(error), sign)
    }
}

/// `r^2 / 2` where `|r| <= d`, else `d (|r| - d / 2)`; derivative `r`, clamped to between `-d` and `d`.
#[derive(Clone, Copy)]
pub(super) struct HuberError {
    /// `d`.
    pub(super) delta: f32,
}

impl Pointwise for HuberError {
    #[inline(always)]
    fn of<S: Lanes>(self, simd: S, y: S::f32s, t: S::f32s) -> (S::f32s, S::f32s) {
        let error = simd.sub_f32s(y, t);
        let size = simd.abs_f32s(error);
        let [half, delta, minus_delta] = [0.5, self.delta, -self.delta];
        let [half, delta, minus_delta] = [half, delta, minus_delta].map(|v| simd.splat_f32s(v));
        let square = simd.mul_f32s(simd.mul_f32s(half, error), error);
        let beyond = simd.sub_f32s(size, simd.mul_f32s(half, delta));
        let line = simd.mul_f32s(delta, beyond);
        let is_large = simd.greater_than_f32s(size, delta);
        let is_positive = simd.greater_than_f32s(error, delta);
        let slope = simd.select_f32s(is_positive, delta, minus_delta);
        (
            simd.select_f32s(is_large, line, square),
            simd.select_f32s(is_large, slope, error),
        )
    }
}

/// `(1 - t) y + max(-y, 0) + ln(1 + e)` with `e = exp(-|y|)`, where for `t` of 0 and 1 nothing cancels, and infinite
/// `y` give PyTorch's values; derivative `sigmoid(y) - t`.
#[derive(Clone, Copy)]
pub(super) struct BinaryCrossEntropy;

impl Pointwise for BinaryCrossEntropy {
    #[inline(always)]
    fn of<S: Lanes>(self, simd: S, y: S::f32s, t: S::f32s) -> (S::f32s, S::f32s) {
        let [zero, one] = [0.0, 1.0].map(|value| simd.splat_f32s(value));
        let minus = simd.neg_f32s(y);
        let is_negative = simd.less_than_f32s(y, zero);
        let e = exp(simd, simd.select_f32s(is_negative, y, minus));
        let without = simd.mul_f32s(simd.sub_f32s(one, t), y);
        let linear = simd.add_f32s(without, simd.select_f32s(is_negative, minus, zero));
        let sigmoid = simd.div_f32s(simd.select_f32s(is_negative, e, one), simd.add_f32s(one, e));
        (
            simd.add_f32s(linear, ln_1p(simd, e)),
            simd.sub_f32s(sigmoid, t),
        )
    }
}
