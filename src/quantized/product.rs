//! Convolutions, and `Linear`s as convolutions of one position: sums of products of codes and weights, and their rounding.

use core::mem::MaybeUninit;

use super::{
    lanes::Lanes,
    pack::{Block, Instruction, LANES, QUAD, blocks_of_lanes},
    program::Kind,
    round::Rounding,
};

/// The number of neighbouring columns that are computed at once, each with the same weights.
const COLUMNS: usize = 4;
/// The maximum number of vectors of outputs that are computed at once for one position.
const MAX_VECTORS: usize = 8;

/// The numbers of quads of a sample for which those that are not 0 are listed.
const MIN_LISTED: usize = 32;
const MAX_LISTED: usize = 512;

/// A product, its weights and its places.
pub(super) struct Product<'a> {
    pub(super) at: &'a Instruction,
    /// The step's first block.
    pub(super) weights: *const Block,
    pub(super) arena: *mut u8,
    pub(super) logits: *mut f32,
}

/// Some outputs of some neighbouring columns.
#[derive(Clone, Copy)]
struct Tile {
    row: usize,
    column: usize,
    /// The first block of 16 outputs.
    block: usize,
}

impl Product<'_> {
    /// Computes all outputs.
    ///
    /// # Safety
    /// The instruction, its weights and the arena are those of one model, and the step is a product. If its sums are the logits,
    /// `logits` is valid for writes of all of them.
    #[inline(always)]
    pub(super) unsafe fn run<L: Lanes>(&self, lanes: L) {
        let [outputs, rows, columns] = self.at.step.window.output;
        let blocks = outputs.div_ceil(LANES);
        let mut list = MaybeUninit::uninit();
        // SAFETY: guaranteed by the caller.
        let list = unsafe { self.nonzero_quads(&mut list) };
        let mut row = 0;
        while row < rows {
            let mut block = 0;
            while block < blocks {
                let (at, rest) = ([row, block], blocks - block);
                // SAFETY: guaranteed by the caller; the rows, columns and blocks exist.
                block += unsafe {
                    match list {
                        // a quad of codes 0 adds nothing, which minus 128 would
                        Some(_) => self.single_columns(lanes.uncentred(), at, rest, list),
                        None if columns < COLUMNS => self.single_columns(lanes, at, rest, None),
                        None => self.wide_columns(lanes, at, rest),
                    }
                };
            }
            row += 1;
        }
    }

    /// The quads of the sample whose codes are not all 0, if they are few: images have many zeros, whose code is 0 where no value
    /// is below 0, and their weights need not be read. It pays for a `Linear` of the sample alone.
    ///
    /// # Safety
    /// As [`Product::run`].
    #[inline(always)]
    unsafe fn nonzero_quads<'l>(
        &self,
        list: &'l mut MaybeUninit<[u16; MAX_LISTED]>,
    ) -> Option<&'l [u16]> {
        let step = &self.at.step;
        let quads = step.terms().div_ceil(QUAD);
        // a vector: one position, under a kernel of 1 x 1
        let [channels, rows, columns] = step.window.input;
        let is_vector = rows * columns == 1 && step.runs() * step.terms() == channels;
        if step.input != 0 || !is_vector || !(MIN_LISTED..=MAX_LISTED).contains(&quads) {
            return None;
        }
        let codes = self.arena.wrapping_add(self.at.input.inside());
        let list = list.as_mut_ptr().cast::<u16>();
        let mut count = 0;
        for quad in 0..quads {
            // SAFETY: the quads are in the arena; the list has room, as `count` is at most `quad`.
            unsafe {
                let codes = codes.wrapping_add(quad * QUAD).cast::<[u8; QUAD]>().read();
                *list.wrapping_add(count) = quad as u16;
                count += usize::from(codes != [0; QUAD]);
            }
        }
        // SAFETY: the first `count` entries are written.
        (count <= quads / 5 * 4).then_some(unsafe { core::slice::from_raw_parts(list, count) })
    }

    /// All columns of a row, several at once, for one or more of the remaining blocks of outputs; returns their number.
    ///
    /// # Safety
    /// As [`Product::run`]; the row, [`COLUMNS`] columns and the blocks exist.
    #[inline(always)]
    unsafe fn wide_columns<L: Lanes>(
        &self,
        lanes: L,
        [row, block]: [usize; 2],
        remaining: usize,
    ) -> usize {
        let [_, _, columns] = self.at.step.window.output;
        let vectors = LANES / L::LANES;
        let blocks = power_of_two(L::WIDE / vectors, remaining);
        let mut column = 0;
        loop {
            let tile = Tile { row, column, block };
            // SAFETY: guaranteed by the caller.
            unsafe {
                match blocks * vectors {
                    1 => self.tile::<L, 1, COLUMNS>(lanes, tile),
                    2 => self.tile::<L, 2, COLUMNS>(lanes, tile),
                    _ => self.tile::<L, 4, COLUMNS>(lanes, tile),
                }
            }
            if column + COLUMNS >= columns {
                return blocks;
            }
            // The last columns may be computed twice.
            column = (column + COLUMNS).min(columns - COLUMNS);
        }
    }

    /// All columns of a row, one after another; otherwise as [`Product::wide_columns`].
    ///
    /// # Safety
    /// As [`Product::run`]; the row and the blocks exist.
    #[inline(always)]
    unsafe fn single_columns<L: Lanes>(
        &self,
        lanes: L,
        [row, block]: [usize; 2],
        remaining: usize,
        list: Option<&[u16]>,
    ) -> usize {
        let [_, _, columns] = self.at.step.window.output;
        let vectors = LANES / L::LANES;
        let blocks = power_of_two(MAX_VECTORS / vectors, remaining);
        let mut column = 0;
        while column < columns {
            let tile = Tile { row, column, block };
            // SAFETY: guaranteed by the caller.
            unsafe {
                match blocks * vectors {
                    1 => self.position::<L, 1, 4>(lanes, tile, list),
                    2 => self.position::<L, 2, 4>(lanes, tile, list),
                    4 => self.position::<L, 4, 2>(lanes, tile, list),
                    _ => self.position::<L, 8, 1>(lanes, tile, list),
                }
            }
            column += 1;
        }
        blocks
    }

    /// The first code under the kernel.
    #[inline(always)]
    fn first_code(&self, tile: Tile) -> *const u8 {
        let (window, input) = (&self.at.step.window, &self.at.input);
        let before = window.padding[0] * input.pitch() + window.padding[1] * input.channels;
        let at = tile.row * window.stride[0] * input.pitch()
            + tile.column * window.stride[1] * input.channels;
        self.arena.wrapping_add(input.inside() + at - before)
    }

    /// The first weights of each of `V` vectors of the outputs from a block on; those of the next quad are a block further.
    #[inline(always)]
    fn weights_of<L: Lanes, const V: usize>(&self, block: usize) -> [*const i8; V] {
        let [_, stride] = blocks_of_lanes(&self.at.step);
        let mut weights = [self.weights.cast::<i8>(); V];
        for (v, weights) in weights.iter_mut().enumerate() {
            let output = v * L::LANES;
            let first = (block + output / LANES) * stride * size_of::<Block>();
            *weights = weights.wrapping_add(first + output % LANES * QUAD);
        }
        weights
    }

    /// `V` vectors of outputs for `T` columns.
    ///
    /// # Safety
    /// As [`Product::run`]; the columns and the outputs exist.
    #[inline(always)]
    unsafe fn tile<L: Lanes, const V: usize, const T: usize>(&self, lanes: L, tile: Tile) {
        let step = &self.at.step;
        let quads = step.terms().div_ceil(QUAD);
        let move_by = step.window.stride[1] * self.at.input.channels;
        let mut sums = [[lanes.zeros(); V]; T];
        let mut run = self.first_code(tile);
        let weights = self.weights_of::<L, V>(tile.block);
        let mut i = 0;
        for _ in 0..step.runs() {
            for quad in 0..quads {
                // SAFETY: the weights are those of the step. The kernel is within the input and its border; the last quad may end
                // up to three bytes after them, within the arena.
                unsafe {
                    let mut vectors = [lanes.weights(weights[0].wrapping_add(i)); V];
                    for v in 1..V {
                        vectors[v] = lanes.weights(weights[v].wrapping_add(i));
                    }
                    for (t, sums) in sums.iter_mut().enumerate() {
                        let codes = run.wrapping_add(t * move_by + quad * QUAD);
                        let codes = lanes.codes(codes.cast::<[u8; QUAD]>().read());
                        for v in 0..V {
                            sums[v] = lanes.add_products(sums[v], codes, vectors[v]);
                        }
                    }
                }
                i += size_of::<Block>();
            }
            run = run.wrapping_add(self.at.input.pitch());
        }
        for (t, sums) in sums.iter().enumerate() {
            let column = tile.column + t;
            // SAFETY: guaranteed by the caller.
            unsafe { self.finish(lanes, Tile { column, ..tile }, sums) };
        }
    }

    /// `V` vectors of outputs for one position, each with `U` sums.
    ///
    /// # Safety
    /// As [`Product::run`]; the position and the outputs exist, and so do the quads of the list, if there is one: then the kernel has one
    /// row, and all codes of other quads are 0.
    #[inline(always)]
    unsafe fn position<L: Lanes, const V: usize, const U: usize>(
        &self,
        lanes: L,
        tile: Tile,
        list: Option<&[u16]>,
    ) {
        let step = &self.at.step;
        let quads = step.terms().div_ceil(QUAD);
        let count = list.map_or(quads, <[u16]>::len);
        let mut sums = [[lanes.zeros(); V]; U];
        let mut run = self.first_code(tile);
        let mut weights = self.weights_of::<L, V>(tile.block);
        for _ in 0..step.runs() {
            let mut k = 0;
            // SAFETY: guaranteed by the caller, and as in `tile`.
            unsafe {
                while k + U <= count {
                    for (u, sums) in sums.iter_mut().enumerate() {
                        add_quad(lanes, run, &weights, quad(list, k + u), sums);
                    }
                    k += U;
                }
                while k < count {
                    add_quad(lanes, run, &weights, quad(list, k), &mut sums[0]);
                    k += 1;
                }
            }
            for weights in &mut weights {
                *weights = weights.wrapping_add(quads * size_of::<Block>());
            }
            run = run.wrapping_add(self.at.input.pitch());
        }
        let mut total = sums[0];
        for sums in &sums[1..] {
            for (total, &sum) in total.iter_mut().zip(sums) {
                *total = lanes.add(*total, sum);
            }
        }
        // SAFETY: guaranteed by the caller.
        unsafe { self.finish(lanes, tile, &total) };
    }

    /// Adds the biases to sums, and writes their codes or logits.
    ///
    /// # Safety
    /// As [`Product::run`]; the position and the outputs exist.
    #[inline(always)]
    unsafe fn finish<L: Lanes, const V: usize>(
        &self,
        lanes: L,
        tile: Tile,
        vectors: &[L::Sums; V],
    ) {
        let step = &self.at.step;
        let [weights, stride] = blocks_of_lanes(step);
        let [outputs, rows, columns] = step.window.output;
        let per_block = LANES / L::LANES;
        for (block, vectors) in (tile.block..).zip(vectors.chunks_exact(per_block)) {
            let mut sums = [0_i32; LANES];
            let first = self.weights.wrapping_add(block * stride + weights);
            let count = LANES.min(outputs - block * LANES);
            let output = block * LANES;
            // SAFETY: a block has 16 sums; the blocks after the weights are the biases, the multipliers, and the biases for centred codes. There are `count`
            // outputs from `output` on.
            unsafe {
                for (v, vector) in vectors.iter().enumerate() {
                    lanes.store(sums.as_mut_ptr().wrapping_add(v * L::LANES), *vector);
                }
                let multipliers = *first.wrapping_add(1);
                let biases = *first.wrapping_add(if L::CENTRED { 2 } else { 0 });
                let mut values = [0.0; LANES];
                for (lane, value) in values.iter_mut().enumerate() {
                    let sum = sums[lane].wrapping_add(biases.0[lane] as i32);
                    *value = sum as f32 * f32::from_bits(multipliers.0[lane]);
                }
                if step.kind == Kind::Logits {
                    let position = tile.row * columns + tile.column;
                    let to = self.logits.wrapping_add(output * rows * columns + position);
                    match count {
                        LANES if rows * columns == 1 => {
                            to.cast::<[f32; LANES]>().write_unaligned(values)
                        }
                        _ => {
                            for (lane, value) in values.iter().enumerate().take(count) {
                                *to.wrapping_add(lane * rows * columns) = *value;
                            }
                        }
                    }
                } else {
                    let rounding = Rounding::new(self.at.output_zero, step.relu);
                    let mut codes = [0; LANES];
                    for (code, value) in codes.iter_mut().zip(values) {
                        *code = rounding.code(value);
                    }
                    let to = &self.at.output;
                    let at = to.inside() + tile.row * to.pitch() + tile.column * to.channels;
                    let to = self.arena.wrapping_add(at + output);
                    match count {
                        LANES => to.cast::<[u8; LANES]>().write(codes),
                        _ => to.copy_from_nonoverlapping(codes.as_ptr(), count),
                    }
                }
            }
        }
    }
}

/// The largest power of two that is at most `most`, one of them, and at most `remaining`, which is 1 or more.
#[inline(always)]
fn power_of_two(most: usize, remaining: usize) -> usize {
    let mut power = most;
    while power > remaining {
        power /= 2;
    }
    power
}

/// Entry `k` of the list, or `k` without one.
///
/// # Safety
/// The list has that entry.
#[inline(always)]
unsafe fn quad(list: Option<&[u16]>, k: usize) -> usize {
    match list {
        // SAFETY: guaranteed by the caller.
        Some(list) => usize::from(unsafe { *list.get_unchecked(k) }),
        None => k,
    }
}

/// Adds the products of quad `i` of a run of codes and of its weights.
///
/// # Safety
/// The run has the quad, or the arena its bytes, and `weights` are those of its first quad.
#[inline(always)]
unsafe fn add_quad<L: Lanes, const V: usize>(
    lanes: L,
    run: *const u8,
    weights: &[*const i8; V],
    i: usize,
    sums: &mut [L::Sums; V],
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let codes = run.wrapping_add(i * QUAD).cast::<[u8; QUAD]>().read();
        let codes = lanes.codes(codes);
        for (sum, weights) in sums.iter_mut().zip(weights) {
            let weights = lanes.weights(weights.wrapping_add(i * size_of::<Block>()));
            *sum = lanes.add_products(*sum, codes, weights);
        }
    }
}
