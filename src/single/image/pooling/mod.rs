//! Maximum and mean over windows of an image.

mod channels;
mod halves;

use crate::{plan::Window, single::lanes::Lanes};

/// Whether the window halves rows and columns: only for these there is a kernel for channels first.
#[inline(always)]
pub(in crate::single) const fn halves(window: &Window) -> bool {
    matches!(
        window,
        Window {
            kernel: [2, 2],
            stride: [2, 2],
            padding: [0, 0],
            ..
        }
    )
}

/// The maximum of each window, over the positions within the image; as PyTorch's loop, a later value takes the place of
/// the maximum if it is larger or a NaN. The image is channels last, or channels first if `by_channel`; so is the result.
///
/// # Safety
/// `input` has the window's inputs, `output` has room for its outputs; if `by_channel`, the window [`halves`].
#[inline(always)]
pub(in crate::single) unsafe fn maximum<L: Lanes>(
    lanes: L,
    window: &Window,
    by_channel: bool,
    input: &[f32],
    output: &mut [f32],
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        pool(
            lanes,
            window,
            by_channel,
            input,
            output,
            #[inline(always)]
            |most, value| lanes.max(most, value),
            #[inline(always)]
            |most| most,
        );
    }
}

/// The mean of each window, zeros of the padding included.
///
/// # Safety
/// As [`maximum`].
#[inline(always)]
pub(in crate::single) unsafe fn average<L: Lanes>(
    lanes: L,
    window: &Window,
    by_channel: bool,
    input: &[f32],
    output: &mut [f32],
) {
    let [rows, columns] = window.kernel;
    let (scale, zero) = (lanes.splat(1.0 / (rows * columns) as f32), lanes.splat(0.0));
    // SAFETY: guaranteed by the caller.
    unsafe {
        pool(
            lanes,
            window,
            by_channel,
            input,
            output,
            #[inline(always)]
            |sum, value| lanes.add(sum, value),
            #[inline(always)]
            |sum| lanes.mul_add(sum, scale, zero),
        );
    }
}

/// Folds the values of each window that are within the image, row by row.
///
/// # Safety
/// As [`maximum`].
#[inline(always)]
unsafe fn pool<L: Lanes>(
    lanes: L,
    window: &Window,
    by_channel: bool,
    input: &[f32],
    output: &mut [f32],
    fold: impl Fn(L::Vector, L::Vector) -> L::Vector,
    finish: impl Fn(L::Vector) -> L::Vector,
) {
    debug_assert!(input.len() >= window.inputs() && output.len() >= window.outputs());
    debug_assert!(!by_channel || halves(window));
    // SAFETY: guaranteed by the caller.
    unsafe {
        match by_channel {
            true => halves::pool(lanes, window, input, output, fold, finish),
            false => channels::pool(lanes, window, input, output, fold, finish),
        }
    }
}
