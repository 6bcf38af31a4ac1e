//! Storage of a frozen model's weights: embedded in the program, or borrowed bytes.

use core::fmt;

use crate::{
    plan::Plan,
    single::{
        At, BLOCK, Block, Columns, Folded, Kept, Matrix, Rows, Sealed, Tensor, Values, affine_of,
    },
    weights::{
        header::{Dtype, Places},
        names::Part,
    },
};

/// Weights that [`frozen!`](crate::frozen!) embedded in the program, packed by columns.
#[derive(Clone, Copy)]
pub struct Embedded {
    /// For each layer, [`Columns::rows`] of them.
    pub(super) blocks: &'static [Block],
    /// Whether zero inputs are skipped.
    pub(super) skips_zeros: bool,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedded({} blocks)", self.blocks.len())
    }
}

impl Values for Embedded {}
impl Embedded {
    /// # Safety
    /// There is a layer with a matrix at `at`.
    #[inline(always)]
    unsafe fn columns(&self, at: &At) -> Columns<'_> {
        let first = self.blocks.as_ptr().wrapping_add(at.block).cast();
        let [outputs, inputs] = at.matrix;
        // SAFETY: the caller guarantees that the layer's blocks begin there; a static is never written.
        unsafe { Columns::new(first, inputs, outputs) }
    }
}

impl Sealed for Embedded {
    type Norms = Folded;

    #[inline(always)]
    unsafe fn matrix(&self, at: &At) -> impl Matrix {
        // SAFETY: guaranteed by the caller.
        unsafe { self.columns(at) }
    }

    #[inline(always)]
    unsafe fn row(&self, at: &At, token: usize, output: usize) -> [f32; BLOCK] {
        // SAFETY: guaranteed by the caller.
        unsafe { self.columns(at).row(token, output) }
    }

    #[inline(always)]
    unsafe fn norm(&self, at: &At, channel: usize) -> [f32; 2] {
        // SAFETY: guaranteed by the caller; `blocks` has packed the factors as weights, the terms as biases.
        unsafe { self.matrix(at).of_channel(channel) }
    }

    #[inline(always)]
    unsafe fn moments(&self, at: &At, feature: usize) -> [f32; 2] {
        // SAFETY: guaranteed by the caller; `blocks` has packed the means as weights, the deviations as biases.
        unsafe { self.matrix(at).of_channel(feature) }
    }

    #[inline(always)]
    fn skips_zeros(&self) -> bool {
        self.skips_zeros
    }
}

/// Weights in the bytes of a file, as PyTorch stores them.
#[derive(Clone, Copy)]
pub struct Borrowed<'a> {
    file: &'a [u8],
    /// For each layer, the byte offsets of its tensors, indexed by [`Part`].
    starts: [[usize; Part::MAX]; Plan::CAPACITY],
    dtypes: [[Dtype; Part::MAX]; Plan::CAPACITY],
}

impl<'a> Borrowed<'a> {
    /// The tensors that were found at `places` of `file`.
    pub(super) fn new(file: &'a [u8], places: &Places) -> Self {
        Borrowed {
            file,
            starts: places.tensors.map(|places| places.map(|place| place.start)),
            dtypes: places.tensors.map(|places| places.map(|place| place.dtype)),
        }
    }

    /// Two tensors of a layer, of the sizes of its matrix and of the bias.
    ///
    /// # Safety
    /// There is a layer with tensors at `at`, and it has these tensors, or the second one is not read.
    #[inline(always)]
    unsafe fn rows(&self, at: &At, parts: [Part; 2]) -> Rows<'a> {
        let file = self.file.as_ptr();
        // SAFETY: guaranteed by the caller; `header::places` has checked that the tensors are within the file at these offsets,
        // and that they are F32, F16 or BF16.
        unsafe {
            let starts = self.starts.get_unchecked(at.ordinal);
            let dtypes = self.dtypes.get_unchecked(at.ordinal);
            let [weight, bias] = parts.map(|part| Tensor {
                first: file.wrapping_add(starts[part as usize]),
                dtype: dtypes[part as usize],
            });
            Rows::new(weight, bias, at.matrix)
        }
    }
}

impl fmt::Debug for Borrowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Borrowed({} bytes)", self.file.len())
    }
}

impl Values for Borrowed<'_> {}
impl Sealed for Borrowed<'_> {
    type Norms = Kept;

    #[inline(always)]
    unsafe fn matrix(&self, at: &At) -> impl Matrix {
        // SAFETY: guaranteed by the caller; every layer has a weight, and one that lacks a bias reads none.
        unsafe { self.rows(at, Part::PARAMETERS) }
    }

    #[inline(always)]
    unsafe fn row(&self, at: &At, token: usize, output: usize) -> [f32; BLOCK] {
        // SAFETY: as above.
        unsafe { self.rows(at, Part::PARAMETERS).row(token, output) }
    }

    #[inline(always)]
    unsafe fn norm(&self, at: &At, channel: usize) -> [f32; 2] {
        // SAFETY: guaranteed by the caller; all these tensors of a batch normalisation have the same size.
        unsafe {
            let parameters = self.rows(at, Part::PARAMETERS).of_channel(channel);
            let [mean, variance] = self.rows(at, Part::STATISTICS).of_channel(channel);
            affine_of(parameters, mean, variance)
        }
    }

    #[inline(always)]
    unsafe fn moments(&self, at: &At, feature: usize) -> [f32; 2] {
        // SAFETY: guaranteed by the caller; both tensors of a standardisation have the size of the matrix at `at`.
        unsafe { self.rows(at, Part::STATISTICS).of_channel(feature) }
    }

    #[inline(always)]
    fn skips_zeros(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_printed_with_their_size() {
        let embedded = Embedded {
            blocks: &[],
            skips_zeros: false,
        };
        assert_eq!(format!("{embedded:?}"), "Embedded(0 blocks)");
        let borrowed = Borrowed {
            file: &[0; 8],
            starts: [[0; Part::MAX]; Plan::CAPACITY],
            dtypes: [[Dtype::F32; Part::MAX]; Plan::CAPACITY],
        };
        assert_eq!(format!("{borrowed:?}"), "Borrowed(8 bytes)");
    }
}
