//! Columns of one matrix as columns of another: the concatenation of vectors, and its gradient.

use std::ops::Range;

use super::{Epilogue, Kernel, Lanes, load, store};
use crate::engine::fused::memory::matrix::{BLOCK, View, ViewMut};

/// `output[.., to + c] = input[.., from + c]` for each `c` below `len`, added to what is there if `adds`. Other columns of
/// the output stay as they are.
pub(crate) struct CopyColumns<'a> {
    pub(crate) input: View<'a>,
    pub(crate) from: usize,
    pub(crate) output: ViewMut<'a>,
    pub(crate) to: usize,
    pub(crate) len: usize,
    pub(crate) adds: bool,
    /// Its values have the columns of the output.
    pub(crate) epilogue: Epilogue<View<'a>>,
}

impl Kernel for CopyColumns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let CopyColumns {
            input,
            from,
            mut output,
            to,
            len,
            adds,
            epilogue,
        } = self;
        let end = to + len;
        assert!(end <= output.blocks * BLOCK);
        let has_room = |view: &View<'_>| view.blocks >= output.blocks && view.rows >= output.rows;
        assert!(epilogue.values().is_none_or(has_room));
        for block in to / BLOCK..end.div_ceil(BLOCK) {
            let lanes =
                to.max(block * BLOCK) - block * BLOCK..end.min((block + 1) * BLOCK) - block * BLOCK;
            let first = from + block * BLOCK + lanes.start - to;
            for row in 0..output.rows {
                let mut values = [0.0; BLOCK];
                copy(&input, first, row, &mut values[lanes.clone()]);
                let values_at = values.as_mut_ptr();
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: `values` is a block; block and row are within the output and, by the assertion, within the
                    // epilogue's values.
                    unsafe {
                        let mut sum = load::<S>(values_at.add(lane));
                        if adds {
                            sum = simd.add_f32s(load::<S>(output.at(block, row).add(lane)), sum);
                        }
                        let at = |view: &View<'_>| view.at(block, row).add(lane);
                        store::<S>(values_at.add(lane), epilogue.apply(simd, at, sum));
                    }
                }
                output.row(block, row)[lanes.clone()].copy_from_slice(&values[lanes.clone()]);
            }
        }
    }
}

/// Columns of a row, from `first` on: from one block or two.
#[inline(always)]
fn copy(input: &View<'_>, first: usize, row: usize, output: &mut [f32]) {
    let (block, lane) = (first / BLOCK, first % BLOCK);
    let (head, tail) = output.split_at_mut(output.len().min(BLOCK - lane));
    let lanes = |lanes: Range<usize>, block: usize| &input.row(block, row)[lanes];
    head.copy_from_slice(lanes(lane..lane + head.len(), block));
    if !tail.is_empty() {
        tail.copy_from_slice(lanes(0..tail.len(), block + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fused::{
        kernels::{Derivative, Simd, dispatch},
        memory::matrix::Matrix,
    };

    const ROWS: usize = 3;
    const COLUMNS: usize = 70;

    fn matrix(value: impl Fn(usize, usize) -> f32) -> Matrix {
        let mut matrix = Matrix::zeros(ROWS, COLUMNS);
        let mut view = matrix.whole();
        for row in 0..ROWS {
            for column in 0..COLUMNS {
                view.row(column / BLOCK, row)[column % BLOCK] = value(row, column);
            }
        }
        matrix
    }

    /// Every offset within a block to every other, and lengths that end within a block or at its end.
    #[test]
    fn columns_are_those_of_the_definition() {
        let number = |row: usize, column: usize| (row * COLUMNS + column) as f32;
        let (input, factors) = (matrix(number), matrix(|_, column| (column % 3) as f32));
        let simd = Simd::detect();
        for (from, to) in (0..=BLOCK).flat_map(|from| (0..=BLOCK).map(move |to| (from, to))) {
            for (len, adds) in [(1, false), (5, true), (16, true), (37, false), (48, true)] {
                let mut output = matrix(|row, column| -number(row, column));
                // SAFETY: no other thread has access to the matrices.
                let (input, factors) = unsafe { (input.view(), factors.view()) };
                let kernel = CopyColumns {
                    input,
                    from,
                    output: output.whole(),
                    to,
                    len,
                    adds,
                    epilogue: Epilogue::Derivative(Derivative::Stored(factors)),
                };
                dispatch(simd, kernel);
                let expected = matrix(|row, column| {
                    let before = -number(row, column);
                    match column.checked_sub(to) {
                        Some(c) if c < len => {
                            let term = if adds { before } else { 0.0 };
                            (number(row, from + c) + term) * (column % 3) as f32
                        }
                        _ => before,
                    }
                });
                // SAFETY: as above.
                let (found, expected) = unsafe { (output.view(), expected.view()) };
                for (block, row) in (0..found.blocks).flat_map(|b| (0..ROWS).map(move |r| (b, r))) {
                    let places = (from, to, len, block, row);
                    assert_eq!(
                        found.row(block, row),
                        expected.row(block, row),
                        "{places:?}"
                    );
                }
            }
        }
    }
}
