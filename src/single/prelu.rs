//! The parametric ReLU of one sample.

use core::num::NonZeroUsize;

use super::norm::by_channel;

/// `y = x` for `x > 0`, else `slope x`, in place, with the slope of each channel; then ReLU if `relu`.
///
/// The values are as in [`normalize`](super::norm::normalize).
#[inline(always)]
pub(super) fn prelu(
    values: &mut [f32],
    channels: NonZeroUsize,
    channels_last: bool,
    relu: bool,
    of_channel: impl Fn(usize) -> f32,
) {
    by_channel(values, channels, channels_last, of_channel, |x, slope| {
        let y = if x > 0.0 { x } else { slope * x };
        if relu && y < 0.0 { 0.0 } else { y }
    });
}
