//! The border of zeros of a convolution with padding.

use core::ptr;

use crate::plan::Window;

/// Rows and columns of the input with its border.
#[inline(always)]
pub(in crate::single) const fn bordered(window: &Window) -> [usize; 2] {
    let [_, rows, columns] = window.input;
    [
        rows + 2 * window.padding[0],
        columns + 2 * window.padding[1],
    ]
}

/// Copies an image and surrounds it with zeros. The image is channels first if `by_channel`, else channels last; so is
/// the copy.
///
/// With the border written once, no loop of the convolution has bounds to test. It is a copy of `C H W` values beside
/// `C K K` multiply-adds for each of the outputs.
///
/// # Safety
/// `input` has the window's inputs, `output` has room for as many with the border.
#[inline(always)]
pub(in crate::single) unsafe fn add_border(
    window: &Window,
    by_channel: bool,
    input: &[f32],
    output: &mut [f32],
) {
    let [channels, rows, columns] = window.input;
    let [all_rows, all_columns] = bordered(window);
    let (planes, values) = match by_channel {
        true => (channels, 1),
        false => (1, channels),
    };
    debug_assert!(input.len() >= planes * rows * columns * values);
    debug_assert!(output.len() >= planes * all_rows * all_columns * values);
    for value in &mut *output {
        *value = 0.0;
    }
    let first = (window.padding[0] * all_columns + window.padding[1]) * values;
    for plane in 0..planes {
        for row in 0..rows {
            let from = (plane * rows + row) * columns * values;
            let to = (plane * all_rows + row) * all_columns * values + first;
            // SAFETY: the caller guarantees the lengths: every row of the image, and its place within the border.
            unsafe {
                ptr::copy_nonoverlapping(
                    input.as_ptr().add(from),
                    output.as_mut_ptr().add(to),
                    columns * values,
                );
            }
        }
    }
}
