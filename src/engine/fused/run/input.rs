//! A batch of samples as input of the first layer: dense, or sparse with bitmaps.

use std::ops::Range;

use super::bitmap::Uploaded;
use crate::engine::fused::{
    kernels::{Gather, Rows, Samples, Simd, SparseBatch, TransposeBits, WORD, dispatch},
    memory::{
        bytes::Bytes,
        matrix::{BLOCK, Matrix, View},
        shared::Shared,
    },
    program::Program,
};

/// The input of a layer.
#[derive(Clone, Copy)]
pub(crate) enum Input<'a> {
    Dense(View<'a>),
    /// The samples of a sparse batch from this index on.
    Sparse(SparseBatch<'a>, usize),
}

impl<'a> Input<'a> {
    /// The values, for an operation that has no sparse form.
    ///
    /// # Panics
    /// When it is sparse: a program that takes bitmaps has one reader of the samples, a `Linear`.
    pub(crate) fn dense(self) -> View<'a> {
        match self {
            Input::Dense(view) => view,
            Input::Sparse(..) => unreachable!("only a `Linear` reads sparse samples"),
        }
    }
}

/// A buffer for a batch of samples of a data set: for their values if they are dense, else for their transposed
/// bitmaps.
#[derive(Debug)]
pub(crate) struct InputBuffer {
    /// The number of features of a sample.
    features: usize,
    /// The column where the samples begin.
    start: usize,
    /// The vectors' input, `[B, F]`, or empty.
    dense: Matrix,
    /// `[B / 64, F]`, or empty.
    columns: Shared<u64>,
    is_dense: bool,
}

impl Bytes for InputBuffer {
    fn bytes(&self) -> usize {
        self.dense.bytes() + self.columns.bytes()
    }
}

impl InputBuffer {
    /// A buffer for `capacity` samples of a dense or a sparse data set.
    pub(crate) fn new(capacity: usize, program: &Program, is_dense: bool) -> Self {
        let (dense, sparse) = if is_dense {
            (capacity, 0)
        } else {
            (0, capacity)
        };
        InputBuffer {
            features: program.inputs,
            start: program.samples.unwrap_or_default(),
            dense: Matrix::zeros(dense, program.features),
            columns: Shared::zeros(sparse.div_ceil(WORD) * program.inputs),
            is_dense,
        }
    }

    pub(crate) fn is_dense(&self) -> bool {
        self.is_dense
    }

    /// The matrix of dense samples.
    pub(crate) fn dense(&self) -> &Matrix {
        &self.dense
    }

    /// Copies the samples `samples` of `from` into the rows `rows`.
    ///
    /// # Safety
    /// No other thread reads the buffer, or writes the columns of samples in these rows, until this returns.
    pub(crate) unsafe fn gather(
        &self,
        simd: Simd,
        from: Rows<'_>,
        samples: Samples<'_>,
        rows: Range<usize>,
    ) {
        let blocks = self.start / BLOCK..self.dense.blocks();
        let gather = Gather {
            rows: from,
            width: self.features,
            samples,
            // SAFETY: guaranteed by the caller.
            output: unsafe { self.dense.view_mut(blocks, rows) },
        };
        dispatch(simd, gather);
    }

    /// Transposes the words `words` (of 64 features each) of a batch's bitmap, for the gradient.
    ///
    /// # Safety
    /// No other thread reads or writes these features' columns until this returns.
    pub(crate) unsafe fn transpose_bitmap(
        &self,
        simd: Simd,
        batch: SparseBatch<'_>,
        rows: usize,
        words: Range<usize>,
    ) {
        let transpose = TransposeBits {
            batch,
            rows,
            words,
            write: |block, word, columns: &[u64]| {
                let first = block * self.features + word * WORD;
                // SAFETY: guaranteed by the caller.
                unsafe { self.columns.slice_mut(first..first + columns.len()) }
                    .copy_from_slice(columns);
            },
        };
        dispatch(simd, transpose);
    }

    /// The samples `batch` of a data set.
    ///
    /// # Safety
    /// While the input lives, no thread writes the buffer's samples.
    pub(crate) unsafe fn read<'a>(&'a self, data: &'a Uploaded, batch: &'a [u32]) -> Input<'a> {
        match data.sparse(batch) {
            Some(batch) => Input::Sparse(batch, 0),
            // SAFETY: guaranteed by the caller.
            None => {
                Input::Dense(unsafe { self.dense.read(0..self.dense.blocks(), 0..batch.len()) })
            }
        }
    }

    /// The transposed bits of `rows` samples.
    ///
    /// # Safety
    /// While the slice lives, no thread writes the columns.
    pub(crate) unsafe fn columns(&self, rows: usize) -> &[u64] {
        // SAFETY: guaranteed by the caller.
        unsafe { self.columns.slice(0..rows.div_ceil(WORD) * self.features) }
    }
}
