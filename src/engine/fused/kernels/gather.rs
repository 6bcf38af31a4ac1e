//! Gathers samples into the packed layout of the products.

use std::ops::Range;

use super::{Kernel, Lanes};
use crate::{
    data::FeatureValues,
    engine::fused::memory::matrix::{BLOCK, ViewMut},
};

/// Features of samples, row-major, read-only.
#[derive(Clone, Copy)]
pub(crate) enum Rows<'a> {
    /// Each value is `byte * scale`.
    Bytes(&'a [u8], f32),
    Floats(&'a [f32]),
}

impl<'a> Rows<'a> {
    /// The features of a data set.
    pub(crate) fn of(features: &'a FeatureValues) -> Self {
        match features {
            FeatureValues::Bytes { bytes, scale } => Rows::Bytes(bytes, *scale),
            FeatureValues::Values(values) => Rows::Floats(values),
        }
    }

    /// Those at these places.
    pub(crate) fn within(self, places: Range<usize>) -> Self {
        match self {
            Rows::Bytes(bytes, scale) => Rows::Bytes(&bytes[places], scale),
            Rows::Floats(values) => Rows::Floats(&values[places]),
        }
    }

    /// The value at this place.
    #[inline(always)]
    pub(crate) fn value(&self, at: usize) -> f32 {
        match self {
            Rows::Bytes(bytes, scale) => f32::from(bytes[at]) * scale,
            Rows::Floats(values) => values[at],
        }
    }
}

/// Copies samples of `width` features into the rows of a packed matrix.
pub(crate) struct Gather<'a> {
    pub(crate) rows: Rows<'a>,
    pub(crate) width: usize,
    /// The samples' indices in `rows`, one for each row of `output`.
    pub(crate) samples: Samples<'a>,
    pub(crate) output: ViewMut<'a>,
}

/// A selection of samples.
#[derive(Clone, Copy)]
pub(crate) enum Samples<'a> {
    /// The samples with these indices.
    Numbered(&'a [u32]),
    /// The samples from this index on.
    From(usize),
}

impl Samples<'_> {
    /// The index of the sample in a row.
    #[inline(always)]
    pub(crate) fn at(&self, row: usize) -> usize {
        match self {
            Samples::Numbered(numbers) => numbers[row] as usize,
            Samples::From(first) => first + row,
        }
    }
}

impl<'a> Samples<'a> {
    /// The number of rows, where it is known.
    pub(crate) fn len(&self) -> Option<usize> {
        match self {
            Samples::Numbered(numbers) => Some(numbers.len()),
            Samples::From(_) => None,
        }
    }

    /// Without the first `count`.
    pub(crate) fn after(self, count: usize) -> Samples<'a> {
        match self {
            Samples::Numbered(numbers) => Samples::Numbered(&numbers[count..]),
            Samples::From(first) => Samples::From(first + count),
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

/// Copies one sample into row `row`: first whole blocks, whose length the compiler knows, then the rest.
#[inline(always)]
fn blocks<T>(from: &[T], row: usize, output: &mut ViewMut<'_>, value: impl Fn(&T) -> f32) {
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
