//! The product by columns: weights in blocks of 16 outputs, inputs one after another, those that are 0
//! left out.

use core::{marker::PhantomData, ops::Range};

use super::Lanes;

/// Columns in a block.
pub(crate) const BLOCK: usize = 16;

/// Inputs that are gone through before the next: so long is the list of those that are not 0.
const CHUNK: usize = 512;

/// Of fewer inputs it does not pay to list those that are not 0.
pub(crate) const LEAST_SPARSE: usize = 96;

/// The largest fraction of non-zero inputs for the sparse product.
///
/// Each weight is read once, so memory sets the pace, and leaving out pays nearly to the end; the margin is
/// for the rows that are fetched one by one.
const SPARSE_BELOW: [usize; 2] = [3, 5];

/// One row of a block: the weights of one input for 16 outputs.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Block(pub(crate) [f32; BLOCK]);

/// The weights and the bias of a layer by columns: `[O / 16][stride][16]`, padded with zeros to whole
/// blocks; in each block a row for each input, then the bias.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    first: *const f32,
    inputs: usize,
    blocks: usize,
    values: PhantomData<&'a [f32]>,
}

impl<'a> Columns<'a> {
    /// Rows from one block to the next: odd, so that the blocks' equal rows lie in different cache sets.
    pub(crate) const fn stride(inputs: usize) -> usize {
        (inputs + 1) | 1
    }

    /// Rows of 16 in all.
    pub(crate) const fn rows(inputs: usize, outputs: usize) -> usize {
        outputs.div_ceil(BLOCK) * Columns::stride(inputs)
    }

    /// The columns that begin at `first`.
    ///
    /// # Safety
    /// `first` is valid for reads of `16 rows(inputs, outputs)` values, which nobody writes during `'a`.
    #[inline(always)]
    pub(crate) const unsafe fn new(first: *const f32, inputs: usize, outputs: usize) -> Self {
        Columns {
            first,
            inputs,
            blocks: outputs.div_ceil(BLOCK),
            values: PhantomData,
        }
    }

    /// `output = W input + b`, then ReLU if asked for; inputs that are 0 are left out where `sparse`
    /// says that there may be many and that the weights are finite.
    ///
    /// # Safety
    /// `input` is `[I]`; `output` has room for whole blocks, `16 ceil(O / 16)` values.
    #[inline(always)]
    pub(crate) unsafe fn product<L: Lanes>(
        self,
        lanes: L,
        input: &[f32],
        output: &mut [f32],
        sparse: bool,
        relu: bool,
    ) {
        debug_assert!(input.len() == self.inputs && output.len() >= self.blocks * BLOCK);
        let mut list = [0; CHUNK];
        let sparse = sparse && self.inputs >= LEAST_SPARSE;
        let chunk = if sparse { CHUNK } else { self.inputs };
        let mut start = 0;
        while start < self.inputs {
            let end = self.inputs.min(start + chunk);
            // SAFETY: the chunk's inputs are there; the list has room for a chunk.
            let few = unsafe { sparse.then(|| not_zero(lanes, input, start..end, &mut list)) };
            let few = few.flatten();
            let parts = self.blocks.div_ceil(L::MOST_BLOCKS);
            for part in 0..parts {
                // As even as possible: 10 blocks in eights are 5 and 5.
                let first_block = part * self.blocks / parts;
                let blocks = (part + 1) * self.blocks / parts - first_block;
                let group = Group {
                    columns: self,
                    first_block,
                    input,
                    inputs: start..end,
                    few,
                    relu,
                };
                let output = output.as_mut_ptr().wrapping_add(first_block * BLOCK);
                // Eight vectors of sums hide the latency of a multiplication; where there are fewer
                // columns, each has several sums.
                // SAFETY: the group's blocks are among the columns', and `output` has room for them.
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

/// Lists the inputs that are not 0, if they are few.
///
/// # Safety
/// `input` has the inputs `range`, at most [`CHUNK`] of them.
#[inline(always)]
unsafe fn not_zero<'a, L: Lanes>(
    lanes: L,
    input: &[f32],
    range: Range<usize>,
    list: &'a mut [u16; CHUNK],
) -> Option<&'a [u16]> {
    let most = range.len() * SPARSE_BELOW[0] / SPARSE_BELOW[1];
    let mut count = 0;
    let mut i = range.start;
    while i + L::LANES <= range.end {
        // SAFETY: there are `LANES` inputs from `i` on. The list has room: of the inputs before `i`
        // at most all are in it.
        count += unsafe {
            let values = lanes.load(input.as_ptr().wrapping_add(i));
            let first = (i - range.start) as u16;
            lanes.list_not_zero(values, first, list.as_mut_ptr().wrapping_add(count))
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

/// Some blocks of columns, summed together.
struct Group<'a> {
    columns: Columns<'a>,
    first_block: usize,
    /// `[I]`.
    input: &'a [f32],
    /// The inputs of this pass: the first pass starts the sums with the bias, the last stores them.
    inputs: Range<usize>,
    /// Which of them are not 0, counted from the first, if they are few.
    few: Option<&'a [u16]>,
    relu: bool,
}

impl Group<'_> {
    /// `V` vectors of outputs, each in `U` sums.
    ///
    /// # Safety
    /// From `first_block` on there are `V LANES / 16` blocks; `output` is valid for `V LANES` values.
    #[inline(always)]
    unsafe fn sum<L: Lanes, const V: usize, const U: usize>(&self, lanes: L, output: *mut f32) {
        let start = self.inputs.start;
        let mut sums = [[lanes.splat(0.0); V]; U];
        let count = self.few.map_or(self.inputs.len(), <[u16]>::len);
        // SAFETY: below `count` there is a place in the list, and an input at that place.
        let place = |k: usize| match self.few {
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
            // SAFETY: the row after the inputs' is the bias; `output` is the caller's promise.
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
        // SAFETY: the caller's; every vector of the row lies in a block of the group.
        unsafe {
            let value = lanes.splat(*self.input.get_unchecked(i));
            for (v, sum) in sums.iter_mut().enumerate() {
                let weight = lanes.load(row.wrapping_add(self.place::<L>(v)));
                *sum = lanes.mul_add(value, weight, *sum);
            }
        }
    }

    /// Where row `i` of the group's first block begins.
    #[inline(always)]
    fn row(&self, i: usize) -> *const f32 {
        let stride = Columns::stride(self.columns.inputs);
        let row = self.first_block * stride + i;
        self.columns.first.wrapping_add(row * BLOCK)
    }

    /// Where vector `v` of a row lies, from the row's beginning on.
    #[inline(always)]
    fn place<L: Lanes>(&self, v: usize) -> usize {
        let stride = Columns::stride(self.columns.inputs);
        v * L::LANES / BLOCK * stride * BLOCK + v * L::LANES % BLOCK
    }
}
