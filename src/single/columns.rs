//! The product by columns: weights in blocks of 16 outputs, inputs one after another, those that are 0
//! left out.

use core::marker::PhantomData;

use super::Lanes;

/// Columns in a block.
pub(crate) const BLOCK: usize = 16;

/// Inputs whose zeros are looked for together.
const WORD: usize = 64;

/// Of 64 inputs, how many may differ from 0 for only those to be multiplied.
///
/// Each weight is read once, so memory sets the pace, and leaving out pays nearly to the end; the margin is
/// for the rows that are fetched one by one.
const MOST_NOT_ZERO: u32 = 38;

/// One row of a block: what an input gives to 16 outputs.
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

    /// `output = W input + b`, then ReLU if asked for.
    ///
    /// # Safety
    /// `input` is `[I]`; `output` has room for whole blocks, `16 ceil(O / 16)` values.
    #[inline(always)]
    pub(crate) unsafe fn product<L: Lanes>(
        self,
        lanes: L,
        input: &[f32],
        output: &mut [f32],
        relu: bool,
    ) {
        debug_assert!(input.len() == self.inputs && output.len() >= self.blocks * BLOCK);
        let parts = self.blocks.div_ceil(L::MOST_BLOCKS);
        for part in 0..parts {
            // As even as may be: 10 blocks in eights are 5 and 5.
            let first = part * self.blocks / parts;
            let blocks = (part + 1) * self.blocks / parts - first;
            let group = Group {
                columns: self,
                first_block: first,
                input,
                relu,
            };
            let output = output.as_mut_ptr().wrapping_add(first * BLOCK);
            // Eight vectors of sums hide the latency of a multiplication; where there are fewer columns,
            // each has several sums.
            // SAFETY: the group's blocks are among the columns', and there is room for them in `output`.
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
    }
}

/// Some blocks of columns, summed together.
struct Group<'a> {
    columns: Columns<'a>,
    first_block: usize,
    /// `[I]`.
    input: &'a [f32],
    relu: bool,
}

impl Group<'_> {
    /// `V` vectors of outputs, each in `U` sums.
    ///
    /// # Safety
    /// From `first_block` on there are `V LANES / 16` blocks; `output` is valid for writes of
    /// `V LANES` values.
    #[inline(always)]
    unsafe fn sum<L: Lanes, const V: usize, const U: usize>(&self, lanes: L, output: *mut f32) {
        let inputs = self.columns.inputs;
        let mut sums = [[lanes.splat(0.0); V]; U];
        let mut start = 0;
        while start + WORD <= inputs {
            // SAFETY: there are 64 inputs from `start` on.
            let mut bits = unsafe { self.not_zero(lanes, start) };
            if bits.count_ones() > MOST_NOT_ZERO {
                // SAFETY: as above.
                unsafe { self.add_all(lanes, start, start + WORD, &mut sums) };
            } else {
                while bits != 0 {
                    for sums in &mut sums {
                        if bits == 0 {
                            break;
                        }
                        // SAFETY: a bit's place is below 64.
                        unsafe { self.add(lanes, start + bits.trailing_zeros() as usize, sums) };
                        bits &= bits - 1;
                    }
                }
            }
            start += WORD;
        }
        // SAFETY: these are the inputs that are left.
        unsafe { self.add_all(lanes, start, inputs, &mut sums) };

        for v in 0..V {
            let mut sum = sums[0][v];
            for more in &sums[1..] {
                sum = lanes.add(sum, more[v]);
            }
            // SAFETY: the row after the inputs' is the bias; `output` is the caller's promise.
            unsafe {
                let bias = lanes.load(self.row(inputs).wrapping_add(self.place::<L>(v)));
                let mut y = lanes.add(sum, bias);
                if self.relu {
                    y = lanes.relu(y);
                }
                lanes.store(output.wrapping_add(v * L::LANES), y);
            }
        }
    }

    /// Adds what the inputs `from..to` give.
    ///
    /// # Safety
    /// There are as many inputs.
    #[inline(always)]
    unsafe fn add_all<L: Lanes, const V: usize, const U: usize>(
        &self,
        lanes: L,
        from: usize,
        to: usize,
        sums: &mut [[L::Vector; V]; U],
    ) {
        let mut i = from;
        while i + U <= to {
            for (u, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `i + u` is below `to`.
                unsafe { self.add(lanes, i + u, sums) };
            }
            i += U;
        }
        while i < to {
            // SAFETY: `i` is below `to`.
            unsafe { self.add(lanes, i, &mut sums[0]) };
            i += 1;
        }
    }

    /// Adds what input `i` gives.
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

    /// Which of the 64 inputs from `start` on are not 0.
    ///
    /// # Safety
    /// There are as many.
    #[inline(always)]
    unsafe fn not_zero<L: Lanes>(&self, lanes: L, start: usize) -> u64 {
        let mut bits = 0;
        let mut lane = 0;
        while lane < WORD {
            // SAFETY: the caller's.
            let inputs = unsafe { lanes.load(self.input.as_ptr().wrapping_add(start + lane)) };
            bits |= lanes.not_zero(inputs) << lane;
            lane += L::LANES;
        }
        bits
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
