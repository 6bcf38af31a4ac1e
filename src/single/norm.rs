//! Batch normalisation by running statistics: a factor and a term for each channel.

use core::num::NonZeroUsize;

use crate::plan::Op;

/// `y = factor x + term`, then ReLU if `relu`, in place, with the factor and the term of each channel.
///
/// The values are `[channels][..]`, or `[..][channels]` if `channels_last`.
#[inline(always)]
pub(super) fn normalize(
    values: &mut [f32],
    channels: NonZeroUsize,
    channels_last: bool,
    relu: bool,
    of_channel: impl Fn(usize) -> [f32; 2],
) {
    by_channel(
        values,
        channels,
        channels_last,
        of_channel,
        |x, [factor, term]| {
            let y = x * factor + term;
            if relu && y < 0.0 { 0.0 } else { y }
        },
    );
}

/// Applies a function of each value and of the numbers of its channel, in place; the values are as in [`normalize`].
#[inline(always)]
pub(super) fn by_channel<P: Copy>(
    values: &mut [f32],
    channels: NonZeroUsize,
    channels_last: bool,
    of_channel: impl Fn(usize) -> P,
    function: impl Fn(f32, P) -> f32,
) {
    for channel in 0..channels.get() {
        let numbers = of_channel(channel);
        let apply = |value: &mut f32| *value = function(*value, numbers);
        if channels_last {
            let of_channel = values.get_mut(channel..).unwrap_or_default();
            let of_channel = of_channel.iter_mut().step_by(channels.get());
            of_channel.for_each(apply);
        } else {
            let len = values.len() / channels;
            let first = channel * len;
            let of_channel = values.get_mut(first..first + len).unwrap_or_default();
            of_channel.iter_mut().for_each(apply);
        }
    }
}

/// The factor and the term of a channel with these parameters and running statistics, which has the standard deviation
/// `sqrt(variance + 1e-5)`.
pub(crate) const fn affine([weight, bias]: [f32; 2], mean: f32, deviation: f32) -> [f32; 2] {
    let factor = weight / deviation;
    [factor, bias - mean * factor]
}

/// The factor and the term of a channel with these parameters, this mean and this variance.
#[inline(always)]
pub(crate) fn affine_of(parameters: [f32; 2], mean: f32, variance: f32) -> [f32; 2] {
    affine(parameters, mean, sqrtf(variance + Op::EPSILON as f32))
}

/// The square root.
#[inline(always)]
pub(super) fn sqrtf(x: f32) -> f32 {
    match cfg!(miri) {
        // libm uses an instruction that Miri cannot interpret.
        true => sqrt(f64::from(x)) as f32,
        false => libm::sqrtf(x),
    }
}

/// The square root of a normal number: Newton's method, from half the exponent, which the compiler can run. NaN below 0.
pub(crate) const fn sqrt(x: f64) -> f64 {
    if x < 0.0 {
        return f64::NAN;
    }
    if x == f64::INFINITY {
        return x;
    }
    let mut root = f64::from_bits((x.to_bits() >> 1) + (1023 << 51));
    let mut i = 0;
    while i < 6 {
        root = (root + x / root) / 2.0;
        i += 1;
    }
    root
}
