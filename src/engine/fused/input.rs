//! A batch's samples as the first layer reads them: dense, or sparse with bitmaps.

use std::ops::Range;

use super::{
    Simd,
    bitmap::Uploaded,
    kernels::{Gather, Rows, Samples, SparseBatch, Values, WORD, dispatch, turn},
    matrix::{Matrix, View},
    shared::Shared,
};
use crate::data::FeatureValues;

/// What a layer reads.
#[derive(Clone, Copy)]
pub(super) enum Input<'a> {
    Dense(View<'a>),
    /// Some samples of a sparse batch, from this one on.
    Sparse(SparseBatch<'a>, usize),
}

/// The form of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Dense,
    SparseBytes,
    SparseFloats,
}

impl Form {
    /// The form in which a data set is read.
    pub(super) fn of(data: &Uploaded) -> Self {
        match (&data.bitmap, &data.samples.features) {
            (None, _) => Form::Dense,
            (Some(_), FeatureValues::Bytes { .. }) => Form::SparseBytes,
            (Some(_), FeatureValues::Values(_)) => Form::SparseFloats,
        }
    }
}

impl FeatureValues {
    fn rows(&self) -> Rows<'_> {
        match self {
            FeatureValues::Bytes { bytes, scale } => Rows::Bytes(bytes, *scale),
            FeatureValues::Values(values) => Rows::Floats(values),
        }
    }
}

/// Room for a batch of samples, in the form that was last asked for.
#[derive(Debug)]
pub(super) struct InputBuffer {
    form: Form,
    features: usize,
    dense: Matrix,
    /// `[B, words]`.
    bits: Shared<u64>,
    /// `[B / 64, F]`.
    columns: Shared<u64>,
    /// `[B, F]`, the one or the other.
    bytes: Shared<u8>,
    floats: Shared<f32>,
}

impl InputBuffer {
    pub(super) fn new(capacity: usize, features: usize, form: Form) -> Self {
        let only = |asked: bool, len: usize| if asked { len } else { 0 };
        let (sparse, words) = (form != Form::Dense, features.div_ceil(WORD));
        InputBuffer {
            form,
            features,
            dense: Matrix::zeros(only(!sparse, capacity), only(!sparse, features)),
            bits: Shared::zeros(only(sparse, capacity * words)),
            columns: Shared::zeros(only(sparse, capacity.div_ceil(WORD) * features)),
            bytes: Shared::zeros(only(form == Form::SparseBytes, capacity * features)),
            floats: Shared::zeros(only(form == Form::SparseFloats, capacity * features)),
        }
    }

    /// The form that there is room for.
    pub(super) fn form(&self) -> Form {
        self.form
    }

    fn words(&self) -> usize {
        self.features.div_ceil(WORD)
    }

    /// The dense form's matrix.
    pub(super) fn dense(&self) -> &Matrix {
        &self.dense
    }

    /// Copies the samples `samples` of a data set into the rows `rows`.
    ///
    /// # Safety
    /// No other thread reads the buffer, or writes these rows, until this returns.
    pub(super) unsafe fn gather(
        &self,
        simd: Simd,
        data: &Uploaded,
        samples: &[u32],
        rows: Range<usize>,
    ) {
        debug_assert_eq!(samples.len(), rows.len());
        let (width, words, source) = (self.features, self.words(), &data.samples.features);
        let Some(bitmap) = &data.bitmap else {
            let gather = Gather {
                rows: source.rows(),
                width,
                samples: Samples::Numbered(samples),
                // SAFETY: the caller's.
                output: unsafe { self.dense.part(0..self.dense.blocks(), rows) },
            };
            return dispatch(simd, gather);
        };
        // SAFETY: the caller's; the rows' bits and values are theirs alone.
        let bits = unsafe { self.bits.slice_mut(rows.start * words..rows.end * words) };
        for (to, &sample) in bits.chunks_exact_mut(words).zip(samples) {
            to.copy_from_slice(&bitmap.bits[sample as usize * words..][..words]);
        }
        let place = rows.start * width..rows.end * width;
        match source {
            // SAFETY: as above.
            FeatureValues::Bytes { bytes, .. } => unsafe {
                copy_rows(bytes, width, samples, self.bytes.slice_mut(place));
            },
            // SAFETY: as above.
            FeatureValues::Values(values) => unsafe {
                copy_rows(values, width, samples, self.floats.slice_mut(place));
            },
        }
    }

    /// Turns the bits of the rows' words `words` (of 64 features each), for the gradient.
    ///
    /// # Safety
    /// No other thread writes the bits, or reads or writes these features' columns, until this returns.
    pub(super) unsafe fn turn(&self, rows: usize, words: Range<usize>) {
        let all = self.words();
        // SAFETY: the caller's.
        let bits = unsafe { self.bits.slice(0..rows * all) };
        for (block, bits) in bits.chunks(WORD * all).enumerate() {
            for word in words.clone() {
                let mut square = [0; WORD];
                for (row, bits) in square.iter_mut().zip(bits.chunks_exact(all)) {
                    *row = bits[word];
                }
                turn(&mut square);
                let len = WORD.min(self.features - word * WORD);
                let first = block * self.features + word * WORD;
                // SAFETY: the caller's.
                unsafe { self.columns.slice_mut(first..first + len) }
                    .copy_from_slice(&square[..len]);
            }
        }
    }

    /// The batch's `rows` samples.
    ///
    /// # Safety
    /// While the input lives, no thread writes the buffer's samples.
    pub(super) unsafe fn read<'a>(&'a self, data: &'a Uploaded, rows: usize) -> Input<'a> {
        // SAFETY: the caller's.
        unsafe {
            let values = match (&data.bitmap, self.form) {
                (Some(bitmap), Form::SparseBytes) => {
                    Values::Bytes(self.bytes.slice(0..rows * self.features), &bitmap.table)
                }
                (_, Form::SparseFloats) => {
                    Values::Floats(self.floats.slice(0..rows * self.features))
                }
                _ => {
                    let view = self.dense.view();
                    return Input::Dense(view.within(0..view.blocks, 0..rows));
                }
            };
            let batch = SparseBatch {
                features: self.features,
                bits: self.bits.slice(0..rows * self.words()),
                values,
            };
            Input::Sparse(batch, 0)
        }
    }

    /// The turned bits of `rows` samples.
    ///
    /// # Safety
    /// While the slice lives, no thread writes the columns.
    pub(super) unsafe fn columns(&self, rows: usize) -> &[u64] {
        // SAFETY: the caller's.
        unsafe { self.columns.slice(0..rows.div_ceil(WORD) * self.features) }
    }
}

fn copy_rows<T: Copy>(from: &[T], width: usize, samples: &[u32], to: &mut [T]) {
    for (to, &sample) in to.chunks_exact_mut(width).zip(samples) {
        to.copy_from_slice(&from[sample as usize * width..][..width]);
    }
}
