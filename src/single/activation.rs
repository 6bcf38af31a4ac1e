//! Activations of one sample, a vector of values at a time, with the errors that `tests` measures.
//!
//! An error is in ulp, the distance of the two `f32` around the exact value: 2^-149 for a denormal one. A value does not depend on its place,
//! nor on the number of lanes, but processors with fused multiply-add may differ from others in the last digits.

use super::{
    arithmetic::Arithmetic,
    functions::{self, SCALE, Tail, exp_m1_near_0},
    lanes::Lanes,
    matrix::BLOCK,
};
use crate::plan::Op;

/// Applies an activation to whole blocks of 16 values, in place.
pub type Code<L> = fn(L, Op, &mut [f32]);

/// The code of an activation, which is compiled only where this is evaluated at compile time: [`Op`] has the formulas. Dropout changes
/// nothing outside training, nor does what is not an activation.
pub(crate) const fn code<L: Lanes>(op: Op) -> Code<L> {
    match op {
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
        | Op::Concat { .. } => |_, _, _| {},
        Op::Relu => relu,
        Op::Sigmoid => sigmoid,
        Op::Tanh => tanh,
        Op::LeakyRelu { .. } => leaky_relu,
        Op::Gelu => gelu,
        Op::Softplus => softplus,
        Op::Silu => silu,
        Op::Elu { .. } => elu,
        Op::Hardswish => hardswish,
    }
}

/// Applies an activation to any number of values, in place, with the same bits on every processor.
#[cfg(feature = "train")]
pub(crate) fn activate(op: Op, values: &mut [f32]) {
    use super::vectors::portable::Portable;

    let (blocks, rest) = values.as_chunks_mut::<BLOCK>();
    code(op)(Portable, op, blocks.as_flattened_mut());
    let mut block = [0.0; BLOCK];
    let part = &mut block[..rest.len()];
    part.copy_from_slice(rest);
    code(op)(Portable, op, &mut block);
    rest.copy_from_slice(&block[..rest.len()]);
}

#[inline(always)]
fn each<L: Lanes>(lanes: L, values: &mut [f32], activation: impl Fn(L::Vector) -> L::Vector) {
    for block in values.as_chunks_mut::<BLOCK>().0 {
        for vector in block.chunks_exact_mut(L::LANES) {
            // SAFETY: a chunk has the values of a vector.
            unsafe { lanes.store(vector.as_mut_ptr(), activation(lanes.load(vector.as_ptr()))) };
        }
    }
}

#[inline(always)]
fn relu<L: Lanes>(lanes: L, _: Op, values: &mut [f32]) {
    each(lanes, values, |x| lanes.relu(x));
}

/// To 0.5 ulp.
#[inline(always)]
fn leaky_relu<L: Lanes>(lanes: L, op: Op, values: &mut [f32]) {
    let Op::LeakyRelu { slope_percent } = op else {
        return;
    };
    let slope = lanes.splat(slope_percent as f32 / 100.0);
    let zero = lanes.splat(0.0);
    each(lanes, values, |x| {
        lanes.if_less([zero, x], x, lanes.mul(x, slope))
    });
}

#[inline(always)]
fn sigmoid<L: Lanes>(lanes: L, _: Op, values: &mut [f32]) {
    each(lanes, values, |x| sigmoid_of(lanes, x));
}

/// `1 / (1 + e)`, or `e / (1 + e)` below 0, where `e = exp(-|x|)`.
#[inline(always)]
fn sigmoid_of<A: Arithmetic>(a: A, x: A::Vector) -> A::Vector {
    let one = a.splat(1.0);
    let e = functions::exp(a, functions::minus(a, a.abs(x)));
    let above = a.if_less([x, a.splat(0.0)], e, one);
    a.div(above, a.add(one, e))
}

#[inline(always)]
fn tanh<L: Lanes>(lanes: L, _: Op, values: &mut [f32]) {
    each(lanes, values, |x| functions::tanh(lanes, x));
}

#[inline(always)]
fn gelu<L: Lanes>(lanes: L, _: Op, values: &mut [f32]) {
    each(lanes, values, |x| gelu_of(lanes, x));
}

/// `x P(Z < x)`, by the tail of the normal distribution on the side of `x`: of a negative `x`, no digit cancels.
#[inline(always)]
fn gelu_of<A: Arithmetic>(a: A, x: A::Vector) -> A::Vector {
    /// There the result is nearer to 0 than to the smallest number.
    const FAR: f32 = 14.6;
    let (zero, one) = (a.splat(0.0), a.splat(1.0));
    let z = functions::clamp(a, a.abs(x), 0.0, FAR);
    let Tail { power, ratio } = functions::normal_tail(a, z);
    let y = a.add(exp_m1_near_0(a, power.rest), one);
    let tail = a.mul(a.mul(y, a.power_of_two(power.n, SCALE)), ratio);
    // 0 also where `x` is large, and NaN at minus infinity, as in PyTorch.
    let tail = a.if_less([x, a.splat(-FAR)], zero, tail);
    let below = functions::unscaled(a, a.mul(x, tail));
    let above = a.mul(x, a.sub(one, functions::unscaled(a, tail)));
    a.if_less([x, zero], below, above)
}

/// `max(x, 0) + ln(1 + exp(-|x|))`.
#[inline(always)]
fn softplus<L: Lanes>(lanes: L, _: Op, values: &mut [f32]) {
    each(lanes, values, |x| {
        let e = functions::exp(lanes, functions::minus(lanes, lanes.abs(x)));
        lanes.add(lanes.relu(x), functions::ln_1p(lanes, e))
    });
}

#[inline(always)]
fn silu<L: Lanes>(lanes: L, _: Op, values: &mut [f32]) {
    each(lanes, values, |x| silu_of(lanes, x));
}

/// `x` times its [sigmoid](sigmoid_of), which may be denormal where the product is not.
#[inline(always)]
fn silu_of<A: Arithmetic>(a: A, x: A::Vector) -> A::Vector {
    /// There the result is nearer to 0 than to the smallest number.
    const FAR: f32 = -110.0;
    let (zero, one) = (a.splat(0.0), a.splat(1.0));
    let e = functions::scaled_exp(a, functions::minus(a, a.abs(x)));
    let below = a.add(one, functions::unscaled(a, e));
    // 0 also where `x` is large, and NaN at minus infinity, as in PyTorch.
    let e = a.if_less([x, a.splat(FAR)], zero, e);
    let y = a.mul(x, a.div(a.if_less([x, zero], e, one), below));
    a.if_less([x, zero], functions::unscaled(a, y), y)
}

#[inline(always)]
fn elu<L: Lanes>(lanes: L, op: Op, values: &mut [f32]) {
    let Op::Elu { alpha_percent } = op else {
        return;
    };
    let alpha = lanes.splat(alpha_percent as f32 / 100.0);
    let zero = lanes.splat(0.0);
    each(lanes, values, |x| {
        let below = lanes.mul(alpha, functions::exp_m1(lanes, x));
        lanes.if_less([x, zero], below, x)
    });
}

#[inline(always)]
fn hardswish<L: Lanes>(lanes: L, _: Op, values: &mut [f32]) {
    let [three, six] = [3.0, 6.0].map(|value| lanes.splat(value));
    each(lanes, values, |x| {
        let gate = functions::clamp(lanes, lanes.add(x, three), 0.0, 6.0);
        // the quotient first: the product may overflow
        lanes.mul(x, lanes.div(gate, six))
    });
}

#[cfg(test)]
mod tests;
