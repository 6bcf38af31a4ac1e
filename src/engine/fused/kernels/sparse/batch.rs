//! A batch of samples of which few values are non-zero, and which these are.

use std::ops::Range;

use super::super::{
    Kernel, Lanes,
    bits::{WORD, nonzero_bytes, nonzero_values, transpose_bits},
    gather::Samples,
};

/// A batch of samples of which few values are non-zero, in place in their data set.
#[derive(Clone, Copy)]
pub(crate) struct SparseBatch<'a> {
    /// `F`.
    pub(crate) features: usize,
    /// `[n, F / 64]`: bit `f % 64` of word `f / 64` is set if feature `f` is non-zero. If there are none, the values are
    /// compared with 0 as they are read.
    pub(crate) bits: Option<&'a [u64]>,
    pub(crate) values: Values<'a>,
    /// The batch's samples in `bits` and `values`.
    pub(crate) samples: Samples<'a>,
}

/// The features' values, `[n, F]`.
#[derive(Clone, Copy)]
pub(crate) enum Values<'a> {
    /// One byte per feature, and the value of every byte.
    Bytes(&'a [u8], &'a [f32; 256]),
    Floats(&'a [f32]),
}

impl SparseBatch<'_> {
    /// The number of words per sample.
    pub(crate) fn words(&self) -> usize {
        self.features.div_ceil(WORD)
    }

    /// # Panics
    /// When the bits or values of one of the batch's samples `rows` are out of range.
    pub(super) fn check(&self, rows: Range<usize>) {
        let last = rows.map(|row| self.samples.at(row)).max();
        let count = last.map_or(0, |last| last + 1);
        assert!(
            self.bits
                .is_none_or(|bits| bits.len() >= count * self.words())
        );
        let values = match self.values {
            Values::Bytes(bytes, _) => bytes.len(),
            Values::Floats(floats) => floats.len(),
        };
        assert!(values >= count * self.features);
    }

    /// Bit `i` is set if feature `64 word + i` of a sample is non-zero; `values` are the batch's.
    ///
    /// # Safety
    /// The sample is one that [`SparseBatch::check`] has checked, and has the word.
    #[inline(always)]
    pub(super) unsafe fn word<S: Lanes, T: Value>(
        &self,
        simd: S,
        values: T,
        sample: usize,
        word: usize,
    ) -> u64 {
        match self.bits {
            // SAFETY: guaranteed by the caller.
            Some(bits) => unsafe { *bits.get_unchecked(sample * self.words() + word) },
            None => {
                let first = word * WORD;
                // SAFETY: guaranteed by the caller.
                unsafe {
                    values.nonzero(
                        simd,
                        sample * self.features + first,
                        WORD.min(self.features - first),
                    )
                }
            }
        }
    }
}

/// Values `[n, F]`.
pub(super) trait Value: Copy {
    /// The bytes of a value.
    const BYTES: usize;

    /// The value at an index.
    ///
    /// # Safety
    /// The index is in range.
    unsafe fn at(self, place: usize) -> f32;

    /// Bit `i` is set if the value at `place + i` is non-zero, of `count` values, at most 64.
    ///
    /// # Safety
    /// The indices of these values are in range.
    unsafe fn nonzero<S: Lanes>(self, simd: S, place: usize, count: usize) -> u64;

    /// The address of the value at an index, which may be out of range.
    fn address(self, place: usize) -> *const u8;
}

#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8], pub(super) &'a [f32; 256]);

impl Value for Bytes<'_> {
    const BYTES: usize = 1;

    #[inline(always)]
    unsafe fn at(self, place: usize) -> f32 {
        // SAFETY: guaranteed by the caller.
        self.1[usize::from(unsafe { *self.0.get_unchecked(place) })]
    }

    #[inline(always)]
    unsafe fn nonzero<S: Lanes>(self, simd: S, place: usize, count: usize) -> u64 {
        // SAFETY: guaranteed by the caller.
        unsafe { nonzero_bytes(simd, self.0.get_unchecked(place..), count) }
    }

    #[inline(always)]
    fn address(self, place: usize) -> *const u8 {
        self.0.as_ptr().wrapping_add(place)
    }
}

#[derive(Clone, Copy)]
pub(super) struct Floats<'a>(pub(super) &'a [f32]);

impl Value for Floats<'_> {
    const BYTES: usize = size_of::<f32>();

    #[inline(always)]
    unsafe fn at(self, place: usize) -> f32 {
        // SAFETY: guaranteed by the caller.
        unsafe { *self.0.get_unchecked(place) }
    }

    #[inline(always)]
    unsafe fn nonzero<S: Lanes>(self, simd: S, place: usize, count: usize) -> u64 {
        // SAFETY: guaranteed by the caller.
        nonzero_values(simd, unsafe { self.0.get_unchecked(place..place + count) })
    }

    #[inline(always)]
    fn address(self, place: usize) -> *const u8 {
        self.0.as_ptr().wrapping_add(place).cast()
    }
}

/// Transposes the bitmap of a batch's samples, for the gradient.
pub(crate) struct TransposeBits<'a, F> {
    pub(crate) batch: SparseBatch<'a>,
    /// The number of the batch's samples.
    pub(crate) rows: usize,
    /// The words (of 64 features each) that are transposed.
    pub(crate) words: Range<usize>,
    /// Called with a block of 64 samples, a word, and for each of its features the bits of these samples.
    pub(crate) write: F,
}

impl<F: FnMut(usize, usize, &[u64])> Kernel for TransposeBits<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let batch = self.batch;
        batch.check(0..self.rows);
        assert!(self.words.end <= batch.words());
        match batch.values {
            Values::Bytes(bytes, table) => self.transpose(simd, Bytes(bytes, table)),
            Values::Floats(floats) => self.transpose(simd, Floats(floats)),
        }
    }
}

impl<F: FnMut(usize, usize, &[u64])> TransposeBits<'_, F> {
    #[inline(always)]
    fn transpose<S: Lanes, T: Value>(mut self, simd: S, values: T) {
        let batch = self.batch;
        for block in 0..self.rows.div_ceil(WORD) {
            for word in self.words.clone() {
                let mut square = [0; WORD];
                for (bits, row) in square.iter_mut().zip(block * WORD..self.rows) {
                    // SAFETY: `run` has checked these samples and words.
                    *bits = unsafe { batch.word(simd, values, batch.samples.at(row), word) };
                }
                transpose_bits(&mut square);
                let len = WORD.min(batch.features - word * WORD);
                (self.write)(block, word, &square[..len]);
            }
        }
    }
}
