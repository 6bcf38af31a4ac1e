//! The matrix-vector product by columns: weights in blocks of 16 outputs, one input after another, skipping zeros.

use core::{marker::PhantomData, ops::Range};

use super::{
    Lanes,
    matrix::{BLOCK, Matrix},
};

/// The length of the part of the arena with `len` values: whole blocks, which a product writes.
#[inline(always)]
pub(super) const fn padded(len: usize) -> usize {
    len.next_multiple_of(BLOCK)
}

/// The number of inputs per pass, and the capacity of the list of non-zero inputs.
const CHUNK: usize = 512;

/// The minimum number of inputs for which listing the non-zero ones pays.
pub(super) const MIN_SPARSE: usize = 96;

/// The largest fraction of non-zero inputs for the sparse product.
///
/// Each weight is read once, so the product is memory-bound, and skipping pays at almost any fraction below 1; the
/// margin allows for loading rows out of sequence.
const SPARSE_BELOW: [usize; 2] = [3, 5];

/// One row of a block: the weights of one input for 16 outputs.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Block(pub(crate) [f32; BLOCK]);

/// The weights and the bias of a layer by columns: `[O / 16][stride][16]`, padded with zeros to whole blocks; each
/// block has a row for each input, then the bias.
#[derive(Clone, Copy, Debug)]
pub struct Columns<'a> {
    first: *const f32,
    inputs: usize,
    blocks: usize,
    values: PhantomData<&'a [f32]>,
}

impl<'a> Columns<'a> {
    /// The stride from one block to the next, in rows: odd, so that the same row of different blocks maps to different
    /// cache sets.
    #[inline(always)]
    pub(crate) const fn stride(inputs: usize) -> usize {
        (inputs + 1) | 1
    }

    /// The total number of rows of 16.
    pub(crate) const fn rows(inputs: usize, outputs: usize) -> usize {
        outputs.div_ceil(BLOCK) * Columns::stride(inputs)
    }

    /// The columns that begin at `first`.
    ///
    /// # Safety
    /// `first` is valid for reads of `16 rows(inputs, outputs)` values, which are not written during `'a`.
    #[inline(always)]
    pub(crate) const unsafe fn new(first: *const f32, inputs: usize, outputs: usize) -> Self {
        Columns {
            first,
            inputs,
            blocks: outputs.div_ceil(BLOCK),
            values: PhantomData,
        }
    }

    /// The 16 values of row `i` of the block of output `output`, from that output's value on.
    #[inline(always)]
    fn at(self, i: usize, output: usize) -> *const f32 {
        let row = output / BLOCK * Columns::stride(self.inputs) + i;
        self.first.wrapping_add(row * BLOCK + output % BLOCK)
    }

    /// Of a table, which is packed as any weight is, 16 values of the row of a token, from those of `output` on.
    ///
    /// # Safety
    /// `token` is below the inputs, `output` is below the outputs and a multiple of 16.
    #[inline(always)]
    pub(crate) unsafe fn row(self, token: usize, output: usize) -> [f32; BLOCK] {
        debug_assert!(token < self.inputs && output < self.blocks * BLOCK);
        // SAFETY: guaranteed by the caller; the block has the row.
        unsafe { *self.at(token, output).cast() }
    }
}

impl Matrix for Columns<'_> {
    #[inline(always)]
    unsafe fn weights<L: Lanes>(self, lanes: L, i: usize, output: usize) -> L::Vector {
        debug_assert!(i < self.inputs && output < self.blocks * BLOCK);
        // SAFETY: the caller guarantees that the input and the output exist, so their block and its row do; the vector is
        // within the row, as `LANES` divides 16 and the output.
        unsafe { lanes.load(self.at(i, output)) }
    }

    #[inline(always)]
    unsafe fn bias<L: Lanes>(self, lanes: L, output: usize) -> L::Vector {
        debug_assert!(output < self.blocks * BLOCK);
        // SAFETY: as above; the row after the inputs' rows is the bias.
        unsafe { lanes.load(self.at(self.inputs, output)) }
    }

    #[inline(always)]
    unsafe fn weight(self, i: usize, output: usize) -> f32 {
        debug_assert!(i < self.inputs && output < self.blocks * BLOCK);
        // SAFETY: as above.
        unsafe { *self.at(i, output) }
    }

    #[inline(always)]
    unsafe fn bias_of(self, output: usize) -> f32 {
        debug_assert!(output < self.blocks * BLOCK);
        // SAFETY: as above.
        unsafe { *self.at(self.inputs, output) }
    }

    #[inline(always)]
    unsafe fn product<L: Lanes>(
        self,
        lanes: L,
        input: &[f32],
        output: &mut [f32],
        sparse: bool,
        relu: bool,
    ) {
        debug_assert!(input.len() == self.inputs && output.len() >= self.blocks * BLOCK);
        let mut list = [0; CHUNK];
        let chunk = if sparse { CHUNK } else { self.inputs };
        let mut start = 0;
        while start < self.inputs {
            let end = self.inputs.min(start + chunk);
            // SAFETY: the chunk is within the inputs; the list has room for a chunk.
            let nonzero =
                unsafe { sparse.then(|| nonzero_inputs(lanes, input, start..end, &mut list)) };
            let nonzero = nonzero.flatten();
            let parts = self.blocks.div_ceil(L::MAX_BLOCKS);
            for part in 0..parts {
                // Groups are as equal as possible: 10 blocks in groups of at most 8 are 5 and 5.
                let first_block = part * self.blocks / parts;
                let blocks = (part + 1) * self.blocks / parts - first_block;
                let group = Group {
                    columns: self,
                    first_block,
                    input,
                    inputs: start..end,
                    nonzero,
                    relu,
                };
                let output = output.as_mut_ptr().wrapping_add(first_block * BLOCK);
                // Eight accumulator vectors hide the latency of a fused multiply-add; where there are fewer columns,
                // each has several accumulators. SAFETY: the group's blocks are among the columns', and `output` has
                // room for them.
                unsafe {
                    match blocks * BLOCK / L::LANES {
                        1 => group.sum::<L, 1, 8>(lanes, output),
                        2 => group.sum::<L, 2, 4>(lanes, output),
                        3 => group.sum::<L, 3, 3>(lanes, output),
                        4 => group.sum::<L, 4, 2>(lanes, output),
                        5 => group.sum::<L, 5, 2>(lanes, output),
                        6 => group.sum::<L, 6, 1>(lanes, output),
                        7 => group.sum::<L, 7, 1>(lanes, output),
                        _ => group.sum::<L, 8, 1>(lanes, output),
                    }
                }
            }
            start = end;
        }
    }
}

/// Lists the non-zero inputs, if they are few.
///
/// # Safety
/// `input` has the inputs `range`, at most [`CHUNK`] of them.
#[inline(always)]
unsafe fn nonzero_inputs<'a, L: Lanes>(
    lanes: L,
    input: &[f32],
    range: Range<usize>,
    list: &'a mut [u16; CHUNK],
) -> Option<&'a [u16]> {
    let most = range.len() * SPARSE_BELOW[0] / SPARSE_BELOW[1];
    let mut count = 0;
    let mut i = range.start;
    while i + L::LANES <= range.end {
        // SAFETY: there are `LANES` inputs from `i` on. The list has room: it holds at most all inputs before `i`.
        count += unsafe {
            let values = lanes.load(input.as_ptr().wrapping_add(i));
            let first = (i - range.start) as u16;
            lanes.list_nonzero(values, first, list.as_mut_ptr().wrapping_add(count))
        };
        i += L::LANES;
    }
    while i < range.end {
        // SAFETY: as above.
        unsafe {
            *list.get_unchecked_mut(count) = (i - range.start) as u16;
            count += usize::from(*input.get_unchecked(i) != 0.0);
        }
        i += 1;
    }
    // SAFETY: as above.
    (count <= most).then_some(unsafe { list.get_unchecked(..count) })
}

/// Some blocks of columns whose sums are accumulated together.
struct Group<'a> {
    columns: Columns<'a>,
    first_block: usize,
    /// `[I]`.
    input: &'a [f32],
    /// The inputs of this pass: later passes add to `output`; the last one adds the bias and applies ReLU.
    inputs: Range<usize>,
    /// The non-zero ones, as indices from the first, if they are few.
    nonzero: Option<&'a [u16]>,
    relu: bool,
}

impl Group<'_> {
    /// `V` vectors of outputs, each with `U` accumulators.
    ///
    /// # Safety
    /// From `first_block` on there are `V LANES / 16` blocks; `output` is valid for `V LANES` values.
    #[inline(always)]
    unsafe fn sum<L: Lanes, const V: usize, const U: usize>(&self, lanes: L, output: *mut f32) {
        let start = self.inputs.start;
        let mut sums = [[lanes.splat(0.0); V]; U];
        let count = self.nonzero.map_or(self.inputs.len(), <[u16]>::len);
        // SAFETY: `k` is below `count`, so the list has an entry, and that entry is the index of an input.
        let place = |k: usize| match self.nonzero {
            Some(list) => start + usize::from(unsafe { *list.get_unchecked(k) }),
            None => start + k,
        };
        let mut k = 0;
        while k + U <= count {
            for (u, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `k + u` is below `count`.
                unsafe { self.add(lanes, place(k + u), sums) };
            }
            k += U;
        }
        while k < count {
            // SAFETY: as above.
            unsafe { self.add(lanes, place(k), &mut sums[0]) };
            k += 1;
        }

        for v in 0..V {
            let mut sum = sums[0][v];
            for more in &sums[1..] {
                sum = lanes.add(sum, more[v]);
            }
            let to = output.wrapping_add(v * L::LANES);
            // SAFETY: the row after the inputs' rows is the bias; the caller guarantees `output`.
            unsafe {
                if start > 0 {
                    sum = lanes.add(lanes.load(to), sum);
                }
                if self.inputs.end == self.columns.inputs {
                    let bias = self
                        .row(self.columns.inputs)
                        .wrapping_add(self.place::<L>(v));
                    sum = lanes.add(sum, lanes.load(bias));
                    if self.relu {
                        sum = lanes.relu(sum);
                    }
                }
                lanes.store(to, sum);
            }
        }
    }

    /// Adds the products of input `i`.
    ///
    /// # Safety
    /// There is an input `i`.
    #[inline(always)]
    unsafe fn add<L: Lanes, const V: usize>(&self, lanes: L, i: usize, sums: &mut [L::Vector; V]) {
        let row = self.row(i);
        // SAFETY: the caller guarantees input `i`; every vector of the row is in a block of the group.
        unsafe {
            let value = lanes.splat(*self.input.get_unchecked(i));
            for (v, sum) in sums.iter_mut().enumerate() {
                let weight = lanes.load(row.wrapping_add(self.place::<L>(v)));
                *sum = lanes.mul_add(value, weight, *sum);
            }
        }
    }

    /// The start of row `i` of the group's first block.
    #[inline(always)]
    fn row(&self, i: usize) -> *const f32 {
        let stride = Columns::stride(self.columns.inputs);
        let row = self.first_block * stride + i;
        self.columns.first.wrapping_add(row * BLOCK)
    }

    /// The offset of vector `v` from the start of a row.
    #[inline(always)]
    fn place<L: Lanes>(&self, v: usize) -> usize {
        let stride = Columns::stride(self.columns.inputs);
        v * L::LANES / BLOCK * stride * BLOCK + v * L::LANES % BLOCK
    }
}
