//! The packed layout of every matrix of the engine: columns in blocks of 16, each block by rows.
//!
//! `[rows, columns]` is stored as `[columns / 16][rows][16]`, padded with zeros to whole blocks. So one row of a block
//! is 64 bytes, 64-byte aligned: one vector of AVX-512, two of AVX2, four of NEON. Activations `[B, H]` have a row for
//! each sample, weights `[I + 1, O]` one for each input and a last one for the bias. A product may iterate over either
//! by rows or by columns without repacking.

use std::{fmt, marker::PhantomData, ops::Range};

use super::shared::Shared;
pub(crate) use crate::single::BLOCK;
use crate::single::Columns;

/// A packed matrix whose parts several threads may write at once.
pub(crate) struct Matrix {
    values: Shared<f32>,
    blocks: usize,
    rows: usize,
    /// The stride from one block to the next, in rows: odd, so that the same row of different blocks maps to different
    /// cache sets.
    stride: usize,
}

impl Matrix {
    /// `[rows, columns]` of zeros.
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        let (blocks, stride) = (columns.div_ceil(BLOCK), rows | 1);
        Matrix {
            values: Shared::zeros(blocks * stride * BLOCK),
            blocks,
            rows,
            stride,
        }
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
            start: self.values.as_ptr(),
            blocks: self.blocks,
            rows: self.rows,
            stride: self.stride,
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
        let first = (blocks.start * self.stride + rows.start) * BLOCK;
        ViewMut {
            start: self.values.as_ptr().wrapping_add(first),
            blocks: blocks.len(),
            rows: rows.len(),
            stride: self.stride,
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
    stride: usize,
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
            stride: rows,
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
            stride,
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
        assert!(self.stride == Columns::stride(inputs) && self.rows == inputs + 1);
        assert!(self.blocks == outputs.div_ceil(BLOCK));
        // SAFETY: `blocks * stride` rows of 16 are there, by the assertions above, and no thread writes them while the
        // view lives.
        unsafe { Columns::new(self.start, inputs, outputs) }
    }

    /// The start of row `row` of block `block`.
    #[inline(always)]
    pub(crate) fn at(&self, block: usize, row: usize) -> *const f32 {
        self.start.wrapping_add((block * self.stride + row) * BLOCK)
    }

    /// The stride from one block to the next, in values.
    #[inline(always)]
    pub(crate) fn block_stride(&self) -> usize {
        self.stride * BLOCK
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
    stride: usize,
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
            stride: rows,
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
            stride,
            values: PhantomData,
        }
    }

    /// The start of row `row` of block `block`.
    #[inline(always)]
    pub(crate) fn at(&self, block: usize, row: usize) -> *mut f32 {
        self.start.wrapping_add((block * self.stride + row) * BLOCK)
    }

    /// The stride from one block to the next, in values.
    #[inline(always)]
    pub(crate) fn block_stride(&self) -> usize {
        self.stride * BLOCK
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
