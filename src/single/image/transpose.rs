//! From channels first to channels last, and back.

/// Transposes `[R, C]` to `[C, R]`.
///
/// # Safety
/// Both have `rows * columns` values or more.
#[inline(always)]
pub(in crate::single) unsafe fn transpose(
    [rows, columns]: [usize; 2],
    input: &[f32],
    output: &mut [f32],
) {
    debug_assert!(input.len().min(output.len()) >= rows * columns);
    for column in 0..columns {
        for row in 0..rows {
            // SAFETY: `row` and `column` are in range, and the caller guarantees the lengths.
            unsafe {
                *output.get_unchecked_mut(column * rows + row) =
                    *input.get_unchecked(row * columns + column);
            }
        }
    }
}
