//! Samples into the layout of the products, and what is not 0 into bitmaps.

use super::{Kernel, Lanes, load, sparse::WORD};
use crate::engine::fused::matrix::{BLOCK, Part};

/// Features of samples, row-major, to read.
#[derive(Clone, Copy)]
pub(in crate::engine::fused) enum Rows<'a> {
    /// A value is `byte * scale`.
    Bytes(&'a [u8], f32),
    Floats(&'a [f32]),
}

/// Copies samples of `width` features into the rows of a blocked matrix.
pub(in crate::engine::fused) struct Gather<'a> {
    pub(in crate::engine::fused) rows: Rows<'a>,
    pub(in crate::engine::fused) width: usize,
    /// The samples' numbers in `rows`, one for each row of `output`.
    pub(in crate::engine::fused) samples: Samples<'a>,
    pub(in crate::engine::fused) output: Part<'a>,
}

/// Which samples.
#[derive(Clone, Copy)]
pub(in crate::engine::fused) enum Samples<'a> {
    /// These.
    Numbered(&'a [u32]),
    /// This one and those after it.
    From(usize),
}

impl Samples<'_> {
    /// The number of the sample in a row.
    #[inline(always)]
    pub(in crate::engine::fused) fn at(&self, row: usize) -> usize {
        match self {
            Samples::Numbered(numbers) => numbers[row] as usize,
            Samples::From(first) => first + row,
        }
    }
}

impl Kernel for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) {
        let Gather {
            rows,
            width,
            samples,
            mut output,
        } = self;
        for row in 0..output.rows {
            let first = samples.at(row) * width;
            match rows {
                Rows::Floats(values) => {
                    blocks(&values[first..first + width], row, &mut output, |&value| {
                        value
                    });
                }
                Rows::Bytes(bytes, scale) => {
                    let value = |&byte: &u8| f32::from(byte) * scale;
                    blocks(&bytes[first..first + width], row, &mut output, value);
                }
            }
        }
    }
}

/// One sample into row `row`: whole blocks at a known length, for the compiler, then the rest.
#[inline(always)]
fn blocks<T>(from: &[T], row: usize, output: &mut Part<'_>, value: impl Fn(&T) -> f32) {
    let (whole, rest) = from.as_chunks::<BLOCK>();
    for (block, from) in whole.iter().enumerate() {
        *output.row(block, row) = std::array::from_fn(|lane| value(&from[lane]));
    }
    if !rest.is_empty() {
        for (to, from) in output.row(whole.len(), row).iter_mut().zip(rest) {
            *to = value(from);
        }
    }
}

/// The bitmap of the values that are not 0: bit `i % 64` of word `i / 64`.
pub(in crate::engine::fused) struct NotZero<'a> {
    pub(in crate::engine::fused) values: &'a [f32],
    pub(in crate::engine::fused) bits: &'a mut [u64],
}

impl Kernel for NotZero<'_> {
    /// How many they are.
    type Output = usize;

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) -> usize {
        let mut count = 0;
        for (values, word) in self.values.chunks(WORD).zip(self.bits) {
            *word = 0;
            let (vectors, rest) = values.split_at(values.len() / S::F32_LANES * S::F32_LANES);
            for (at, lanes) in vectors.chunks_exact(S::F32_LANES).enumerate() {
                // SAFETY: a chunk is one vector.
                let lanes = unsafe { load::<S>(lanes.as_ptr()) };
                *word |= simd.not_zero(lanes) << (at * S::F32_LANES);
            }
            for (at, value) in rest.iter().enumerate() {
                *word |= u64::from(*value != 0.0) << (vectors.len() + at);
            }
            count += word.count_ones() as usize;
        }
        count
    }
}
