//! Where a frozen model's weights lie: in the program, or in bytes that are borrowed.

use core::fmt;

use crate::{
    plan::Plan,
    single::{At, Block, Columns, Lanes, Rows, Sealed, Values},
    text::Text,
    weights::{
        Mismatch,
        header::{Dtype, Places},
        names::{Layer, Names, Part},
    },
};

/// Weights in the program, by columns, as [`frozen!`](crate::frozen!) puts them there.
#[derive(Clone, Copy)]
pub struct Embedded {
    /// For each layer, [`Columns::rows`] of them.
    pub(super) blocks: &'static [Block],
    /// Whether inputs of the first layer that are 0 are left out.
    pub(super) leaves_zeros_out: bool,
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedded({} blocks)", self.blocks.len())
    }
}

impl Values for Embedded {}
impl Sealed for Embedded {
    #[inline(always)]
    unsafe fn product<L: Lanes>(&self, lanes: L, at: &At, input: &[f32], output: &mut [f32]) {
        let first = self.blocks.as_ptr().wrapping_add(at.block).cast();
        // Zeros are many where the sample is a picture; to look for them in later layers does not pay.
        let sparse = at.reads_sample && self.leaves_zeros_out;
        // SAFETY: the layer's blocks lie there, says the caller; nobody writes a static.
        unsafe {
            let columns = Columns::new(first, at.step.inputs, at.step.outputs);
            columns.product(lanes, input, output, sparse, at.relu);
        }
    }
}

/// Weights in the bytes of a file, as PyTorch stores them.
#[derive(Clone, Copy)]
pub struct Borrowed<'a> {
    file: &'a [u8],
    /// For each layer, the first byte of its weight and of its bias.
    starts: [[usize; 2]; Plan::CAPACITY],
}

impl<'a> Borrowed<'a> {
    /// The tensors that were found at `places` of `file`.
    pub(super) fn new(
        file: &'a [u8],
        places: &Places,
        plan: &Plan,
        names: Names<'_>,
    ) -> Result<Self, Mismatch> {
        let mut next = Layer::first(plan);
        while let Some(layer) = next {
            for (part, place) in Part::BOTH.into_iter().zip(places.tensors[layer.ordinal]) {
                if place.dtype != Dtype::F32 {
                    let name: Text<64> = names.tensor(layer, part);
                    let found = Text::of(place.dtype.name())
                        .then(", which cannot be borrowed: convert it, or use `frozen!`");
                    return Err(Mismatch::of(name.as_str(), Text::of("F32"), found));
                }
            }
            next = layer.next(plan);
        }
        let starts = places.tensors.map(|places| places.map(|place| place.start));
        Ok(Borrowed { file, starts })
    }
}

impl fmt::Debug for Borrowed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Borrowed({} bytes)", self.file.len())
    }
}

impl Values for Borrowed<'_> {}
impl Sealed for Borrowed<'_> {
    #[inline(always)]
    unsafe fn product<L: Lanes>(&self, lanes: L, at: &At, input: &[f32], output: &mut [f32]) {
        // SAFETY: there are as many layers, says the caller, and `header::places` has found that the
        // layer's tensors lie within the file at these bytes; `[u8; 4]` needs no alignment.
        unsafe {
            let [weight, bias] = *self.starts.get_unchecked(at.ordinal);
            let values = |start: usize, len: usize| {
                core::slice::from_raw_parts(self.file.as_ptr().wrapping_add(start).cast(), len)
            };
            let rows = Rows {
                weights: values(weight, at.step.inputs * at.step.outputs),
                bias: values(bias, at.step.outputs),
            };
            rows.product(lanes, input, output, at.relu);
        }
    }
}
