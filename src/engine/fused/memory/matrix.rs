//! The packed layout of every matrix of the engine: columns in blocks of 16, each block by rows.
//!
//! `[rows, columns]` is stored as `[columns / 16][rows][16]`, padded with zeros to whole blocks. So one row of a block
//! is 64 bytes, 64-byte aligned: one vector of AVX-512, two of AVX2, four of NEON. Activations `[B, H]` have a row for
//! each sample, weights `[I + 1, O]` one for each input and a last one for the bias. A product may iterate over either
//! by rows or by columns without repacking.
//!
//! The table of an embedding is the exception: a step reads a few of its rows, with their moments. So a row is contiguous,
//! and its moments follow it, `[rows][3][columns / 16][16]`: [`Matrix::table`].

use std::{fmt, marker::PhantomData, ops::Range, sync::Arc};

use super::shared::Shared;
pub(crate) use crate::single::BLOCK;
use crate::single::Columns;

/// A packed matrix whose parts several threads may write at once.
pub(crate) struct Matrix {
    /// Shared by a table and its moments.
    values: Arc<Shared<f32>>,
    /// The index of the first value.
    start: usize,
    blocks: usize,
    rows: usize,
    strides: Strides,
}

/// The distances between rows of 16 values, in such rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Strides {
    /// From one block to the next: odd, so that the same row of different blocks maps to different cache sets.
    block: usize,
    /// From one row of a block to the next: 1, except in a table.
    row: usize,
}

impl Strides {
    /// The index of the first value of row `row` of block `block`.
    #[inline(always)]
    fn at(self, block: usize, row: usize) -> usize {
        (block * self.block + row * self.row) * BLOCK
    }
}

/// The number of values that a table has for each weight: it and two moments.
const PARTS: usize = 3;

impl Matrix {
    /// `[rows, columns]` of zeros.
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        let values = Arc::new(Shared::zeros(Self::len(rows, columns)));
        Self::within(&values, 0, [rows, columns])
    }

    /// `[rows, columns]`, of values that are in a buffer from `start` on.
    ///
    /// # Panics
    /// When the buffer ends before.
    pub(crate) fn within(
        values: &Arc<Shared<f32>>,
        start: usize,
        [rows, columns]: [usize; 2],
    ) -> Self {
        assert!(start + Self::len(rows, columns) <= values.len());
        Matrix {
            values: Arc::clone(values),
            start,
            blocks: columns.div_ceil(BLOCK),
            rows,
            strides: Strides {
                block: Self::stride(rows),
                row: 1,
            },
        }
    }

    /// A table `[rows, columns]` of zeros, with room for its [moments](Matrix::moment).
    pub(crate) fn table(rows: usize, columns: usize) -> Self {
        let blocks = columns.div_ceil(BLOCK);
        Matrix {
            values: Arc::new(Shared::zeros(Self::table_len(rows, columns))),
            start: 0,
            blocks,
            rows,
            strides: Strides {
                block: 1,
                row: PARTS * blocks,
            },
        }
    }

    /// The rows from one block to the next, of a matrix that is no table.
    const fn stride(rows: usize) -> usize {
        rows | 1
    }

    /// The number of values that [`Matrix::zeros`] allocates, as many for each block.
    pub(crate) const fn len(rows: usize, columns: usize) -> usize {
        columns.div_ceil(BLOCK) * Self::stride(rows) * BLOCK
    }

    /// The number of values that [`Matrix::table`] allocates.
    pub(crate) const fn table_len(rows: usize, columns: usize) -> usize {
        rows * PARTS * columns.div_ceil(BLOCK) * BLOCK
    }

    /// The moment of a table with this index, 0 or 1: a matrix that has other values of the same buffer.
    pub(crate) fn moment(&self, index: usize) -> Self {
        debug_assert!(self.strides.row == PARTS * self.blocks && index + 1 < PARTS);
        Matrix {
            values: Arc::clone(&self.values),
            start: (index + 1) * self.blocks * BLOCK,
            ..*self
        }
    }

    /// Its values, and those of what shares its buffer.
    pub(super) fn buffer(&self) -> &Shared<f32> {
        &self.values
    }

    pub(crate) fn blocks(&self) -> usize {
        self.blocks
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The whole matrix, to read.
    ///
    /// # Safety
    /// No thread writes a value while it is read through the view.
    #[inline]
    pub(crate) unsafe fn view(&self) -> View<'_> {
        View {
            start: self.values.as_ptr().wrapping_add(self.start),
            blocks: self.blocks,
            rows: self.rows,
            strides: self.strides,
            values: PhantomData,
        }
    }

    /// Some rows of some blocks, to write.
    ///
    /// # Safety
    /// While the view lives, no other view holds any of its values.
    ///
    /// # Panics
    /// When the blocks or rows are out of range.
    pub(crate) unsafe fn view_mut(&self, blocks: Range<usize>, rows: Range<usize>) -> ViewMut<'_> {
        assert!(blocks.start <= blocks.end && blocks.end <= self.blocks);
        assert!(rows.start <= rows.end && rows.end <= self.rows);
        let first = self.start + self.strides.at(blocks.start, rows.start);
        ViewMut {
            start: self.values.as_ptr().wrapping_add(first),
            blocks: blocks.len(),
            rows: rows.len(),
            strides: self.strides,
            values: PhantomData,
        }
    }

    /// Some rows of some blocks, to read.
    ///
    /// # Safety
    /// As [`Matrix::view`].
    ///
    /// # Panics
    /// As [`Matrix::view_mut`].
    pub(crate) unsafe fn read(&self, blocks: Range<usize>, rows: Range<usize>) -> View<'_> {
        // SAFETY: guaranteed by the caller.
        unsafe { self.view() }.within(blocks, rows)
    }

    /// The whole matrix, to write.
    pub(crate) fn whole(&mut self) -> ViewMut<'_> {
        // SAFETY: `&mut self` guarantees that no other view or part is alive.
        unsafe { self.view_mut(0..self.blocks, 0..self.rows) }
    }
}

impl fmt::Debug for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Matrix({} x {} blocks)", self.rows, self.blocks)
    }
}

/// A packed matrix, to read.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    start: *const f32,
    pub(crate) blocks: usize,
    pub(crate) rows: usize,
    strides: Strides,
    values: PhantomData<&'a [f32]>,
}

impl<'a> View<'a> {
    /// Values that are already in blocks of `rows` rows.
    ///
    /// # Panics
    /// When there are not `blocks * rows * 16` of them.
    pub(crate) fn of(values: &'a [f32], blocks: usize, rows: usize) -> Self {
        assert!(values.len() >= blocks * rows * BLOCK);
        View {
            start: values.as_ptr(),
            blocks,
            rows,
            strides: Strides {
                block: rows,
                row: 1,
            },
            values: PhantomData,
        }
    }

    /// `blocks` blocks of `rows` rows, with `stride` rows from one block to the next.
    ///
    /// # Safety
    /// They are valid for reads, and no thread writes them, during `'a`.
    pub(crate) unsafe fn strided(
        start: *const f32,
        blocks: usize,
        rows: usize,
        stride: usize,
    ) -> Self {
        View {
            start,
            blocks,
            rows,
            strides: Strides {
                block: stride,
                row: 1,
            },
            values: PhantomData,
        }
    }

    /// Some rows of some blocks.
    ///
    /// # Panics
    /// When the blocks or rows are out of range.
    pub(crate) fn within(self, blocks: Range<usize>, rows: Range<usize>) -> View<'a> {
        assert!(blocks.start <= blocks.end && blocks.end <= self.blocks);
        assert!(rows.start <= rows.end && rows.end <= self.rows);
        View {
            start: self.at(blocks.start, rows.start),
            blocks: blocks.len(),
            rows: rows.len(),
            ..self
        }
    }

    /// The weights `[I + 1, O]` for the kernels of a single sample.
    ///
    /// # Panics
    /// When the view is not the whole of such a matrix.
    #[inline]
    pub(crate) fn columns(self, inputs: usize, outputs: usize) -> Columns<'a> {
        let strides = Strides {
            block: Columns::stride(inputs),
            row: 1,
        };
        assert!(self.strides == strides && self.rows == inputs + 1);
        assert!(self.blocks == outputs.div_ceil(BLOCK));
        // SAFETY: `blocks * stride` rows of 16 are there, by the assertions above, and no thread writes them while the
        // view lives.
        unsafe { Columns::new(self.start, inputs, outputs) }
    }

    /// The start of row `row` of block `block`.
    #[inline(always)]
    pub(crate) fn at(&self, block: usize, row: usize) -> *const f32 {
        self.start.wrapping_add(self.strides.at(block, row))
    }

    /// The stride from one block to the next, in values, of a matrix whose rows of a block are contiguous.
    ///
    /// # Panics
    /// When it is a table.
    #[inline(always)]
    pub(crate) fn block_stride(&self) -> usize {
        assert!(self.strides.row == 1);
        self.strides.block * BLOCK
    }

    /// Row `row` of block `block`.
    pub(crate) fn row(&self, block: usize, row: usize) -> &'a [f32; BLOCK] {
        assert!(block < self.blocks && row < self.rows);
        // SAFETY: the row is within the view, by the line above, and no thread writes it while the view lives; a row
        // is 16 values.
        unsafe { &*self.at(block, row).cast() }
    }
}

/// A part of a packed matrix, to write.
pub(crate) struct ViewMut<'a> {
    start: *mut f32,
    pub(crate) blocks: usize,
    pub(crate) rows: usize,
    strides: Strides,
    values: PhantomData<&'a mut [f32]>,
}

impl ViewMut<'_> {
    /// Values that are already in blocks of `rows` rows.
    ///
    /// # Panics
    /// When there are not `blocks * rows * 16` of them.
    pub(crate) fn of(values: &mut [f32], blocks: usize, rows: usize) -> ViewMut<'_> {
        assert!(values.len() >= blocks * rows * BLOCK);
        ViewMut {
            start: values.as_mut_ptr(),
            blocks,
            rows,
            strides: Strides {
                block: rows,
                row: 1,
            },
            values: PhantomData,
        }
    }

    /// `blocks` blocks of `rows` rows, with `stride` rows from one block to the next.
    ///
    /// # Safety
    /// They are valid for writes during the view's lifetime, in which no other view holds any of them.
    pub(crate) unsafe fn strided(
        start: *mut f32,
        blocks: usize,
        rows: usize,
        stride: usize,
    ) -> Self {
        ViewMut {
            start,
            blocks,
            rows,
            strides: Strides {
                block: stride,
                row: 1,
            },
            values: PhantomData,
        }
    }

    /// The start of row `row` of block `block`.
    #[inline(always)]
    pub(crate) fn at(&self, block: usize, row: usize) -> *mut f32 {
        self.start.wrapping_add(self.strides.at(block, row))
    }

    /// The stride from one block to the next, in values, of a matrix whose rows of a block are contiguous.
    ///
    /// # Panics
    /// When it is a table.
    #[inline(always)]
    pub(crate) fn block_stride(&self) -> usize {
        assert!(self.strides.row == 1);
        self.strides.block * BLOCK
    }

    /// Row `row` of block `block`.
    pub(crate) fn row(&mut self, block: usize, row: usize) -> &mut [f32; BLOCK] {
        assert!(block < self.blocks && row < self.rows);
        // SAFETY: the row is within the part, by the line above; `&mut self` is the only access to it.
        unsafe { &mut *self.at(block, row).cast() }
    }

    /// One of its blocks, for a shorter time.
    pub(crate) fn block(&mut self, block: usize) -> ViewMut<'_> {
        assert!(block < self.blocks);
        ViewMut {
            start: self.at(block, 0),
            blocks: 1,
            ..*self
        }
    }

    /// Some of its blocks, for a shorter time.
    pub(crate) fn blocks(&mut self, blocks: Range<usize>) -> ViewMut<'_> {
        assert!(blocks.start <= blocks.end && blocks.end <= self.blocks);
        ViewMut {
            start: self.at(blocks.start, 0),
            blocks: blocks.len(),
            ..*self
        }
    }

    /// The same part, for a shorter time.
    pub(crate) fn reborrow(&mut self) -> ViewMut<'_> {
        ViewMut { ..*self }
    }
}
