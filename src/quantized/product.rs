//! Convolutions, and `Linear`s as convolutions of one position: sums of products of codes and weights, and their rounding.

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
        let mut row = 0;
        while row < rows {
            let mut block = 0;
            while block < blocks {
                // SAFETY: guaranteed by the caller; the rows, columns and blocks exist.
                block += unsafe {
                    match columns < COLUMNS {
                        true => self.single_columns(lanes, row, block, blocks - block),
                        false => self.wide_columns(lanes, row, block, blocks - block),
                    }
                };
            }
            row += 1;
        }
    }

    /// All columns of a row, several at once, for one or more of the remaining blocks of outputs; returns their number.
    ///
    /// # Safety
    /// As [`Product::run`]; the row, [`COLUMNS`] columns and the blocks exist.
    #[inline(always)]
    unsafe fn wide_columns<L: Lanes>(
        &self,
        lanes: L,
        row: usize,
        block: usize,
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
        row: usize,
        block: usize,
        remaining: usize,
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
                    1 => self.position::<L, 1, 4>(lanes, tile),
                    2 => self.position::<L, 2, 4>(lanes, tile),
                    4 => self.position::<L, 4, 2>(lanes, tile),
                    _ => self.position::<L, 8, 1>(lanes, tile),
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

    /// The weights of quad `i` for vector `v` of the outputs from a block on.
    #[inline(always)]
    fn weights_of<L: Lanes>(&self, block: usize, i: usize, v: usize) -> *const i8 {
        let [_, stride] = blocks_of_lanes(&self.at.step);
        let output = v * L::LANES;
        let first = self
            .weights
            .wrapping_add((block + output / LANES) * stride + i);
        first.cast::<i8>().wrapping_add(output % LANES * QUAD)
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
        let mut codes = self.first_code(tile);
        let mut i = 0;
        for _ in 0..step.runs() {
            for quad in 0..quads {
                // SAFETY: the weights are those of the step. The kernel is within the input and its border; the last quad may end
                // up to three bytes after them, within the arena.
                unsafe {
                    let weights: [L::Weights; V] = core::array::from_fn(|v| {
                        lanes.weights(self.weights_of::<L>(tile.block, i, v))
                    });
                    for (t, sums) in sums.iter_mut().enumerate() {
                        let at = codes.wrapping_add(t * move_by + quad * QUAD);
                        let codes = lanes.codes(at.cast::<[u8; QUAD]>().read());
                        for (sum, weights) in sums.iter_mut().zip(weights) {
                            *sum = lanes.add_products(*sum, codes, weights);
                        }
                    }
                }
                i += 1;
            }
            codes = codes.wrapping_add(self.at.input.pitch());
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
    /// As [`Product::run`]; the position and the outputs exist.
    #[inline(always)]
    unsafe fn position<L: Lanes, const V: usize, const U: usize>(&self, lanes: L, tile: Tile) {
        let step = &self.at.step;
        let quads = step.terms().div_ceil(QUAD);
        let mut sums = [[lanes.zeros(); V]; U];
        let mut run = self.first_code(tile);
        let mut first = 0;
        for _ in 0..step.runs() {
            let add = |quad: usize, sums: &mut [L::Sums; V]| {
                // SAFETY: as in `tile`.
                unsafe {
                    let at = run.wrapping_add(quad * QUAD);
                    let codes = lanes.codes(at.cast::<[u8; QUAD]>().read());
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let from = self.weights_of::<L>(tile.block, first + quad, v);
                        *sum = lanes.add_products(*sum, codes, lanes.weights(from));
                    }
                }
            };
            let mut quad = 0;
            while quad + U <= quads {
                for (u, sums) in sums.iter_mut().enumerate() {
                    add(quad + u, sums);
                }
                quad += U;
            }
            while quad < quads {
                add(quad, &mut sums[0]);
                quad += 1;
            }
            first += quads;
            run = run.wrapping_add(self.at.input.pitch());
        }
        let total: [L::Sums; V] = core::array::from_fn(|v| {
            let sums = sums.iter().map(|sums| sums[v]);
            sums.fold(lanes.zeros(), |a, b| lanes.add(a, b))
        });
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
        let mut block = tile.block;
        for vectors in vectors.chunks_exact(per_block) {
            let mut sums = [0_i32; LANES];
            let first = self.weights.wrapping_add(block * stride + weights);
            let count = LANES.min(outputs - block * LANES);
            let output = block * LANES;
            // SAFETY: a block has 16 sums; the two blocks after the weights are the biases and the multipliers. There are `count`
            // outputs from `output` on.
            unsafe {
                for (v, vector) in vectors.iter().enumerate() {
                    lanes.store(sums.as_mut_ptr().wrapping_add(v * L::LANES), *vector);
                }
                let [biases, multipliers] = *first.cast::<[Block; 2]>();
                let value = |lane: usize| {
                    let sum = sums[lane].wrapping_add(biases.0[lane] as i32);
                    sum as f32 * f32::from_bits(multipliers.0[lane])
                };
                if step.kind == Kind::Logits {
                    let position = tile.row * columns + tile.column;
                    for lane in 0..count {
                        let at = (output + lane) * rows * columns + position;
                        *self.logits.wrapping_add(at) = value(lane);
                    }
                } else {
                    let rounding = Rounding::new(self.at.output_zero, step.relu);
                    let codes: [u8; LANES] =
                        core::array::from_fn(|lane| rounding.code(value(lane)));
                    let to = &self.at.output;
                    let at = to.inside() + tile.row * to.pitch() + tile.column * to.channels;
                    let to = self.arena.wrapping_add(at + output);
                    match count {
                        LANES => to.cast::<[u8; LANES]>().write(codes),
                        _ => to.copy_from_nonoverlapping(codes.as_ptr(), count),
                    }
                }
            }
            block += 1;
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
