//! Dense products: forward, gradient of the input, gradient of the weights.
//!
//! All three are one loop, `acc[m, n] += a[m, k] * p[k, n]` over a register-blocked tile, with different strides of
//! `a` and a different epilogue. Each sum runs over `k` in order, so it is bitwise independent of tiles and threads.
//!
//! Measured on one core of a Zen 4 with AVX-512 (peak 118 GFLOP/s), forward with bias and ReLU: 106 to
//! 113 GFLOP/s in a training step, where the crate `gemm` 0.19 gives 97 to 108 for the product alone.
//! Dims: `B` = batch size, `I` = inputs, `O` = outputs, `M` rows and `N` columns of a tile.

use std::ops::Range;

use super::{
    Epilogue, Kernel, Lanes, Rule, derivative::Derivative, load, store, update::Parameters,
};
use crate::engine::fused::memory::matrix::{BLOCK, View, ViewMut};

/// The results of the largest tile: 8 rows of 3 blocks.
#[repr(align(64))]
struct Tile([f32; 8 * 3 * BLOCK]);

impl Tile {
    const ZEROS: Tile = Tile([0.0; 8 * 3 * BLOCK]);

    /// The vector from column `column` on of row `row` of a tile of `blocks` blocks.
    #[inline(always)]
    fn vector<S: Lanes>(&self, blocks: usize, row: usize, column: usize) -> S::f32s {
        let first = row * blocks * BLOCK + column;
        debug_assert!(first + S::F32_LANES <= self.0.len());
        // SAFETY: the largest tile has that many values; `row` and `column` are within such a tile.
        unsafe { load::<S>(self.0.as_ptr().wrapping_add(first)) }
    }
}

/// Tiles of at most `largest`, as equal as possible: 16 in tiles of at most 3 are 3 3 3 3 2 2.
#[inline(always)]
pub(super) fn groups(count: usize, largest: usize) -> impl Iterator<Item = Range<usize>> {
    let parts = count.div_ceil(largest);
    (0..parts).map(move |part| part * count / parts..(part + 1) * count / parts)
}

/// The number of rows of the next tile, with `left` remaining.
#[inline(always)]
fn tile_rows<S: Lanes>(left: usize) -> usize {
    match left {
        _ if left >= S::TILE_ROWS => S::TILE_ROWS,
        4.. if S::TILE_ROWS >= 4 => 4,
        2.. => 2,
        _ => 1,
    }
}

/// The operand `a` of a product: its start and its stride.
#[derive(Clone, Copy)]
struct Strided {
    start: *const f32,
    /// The stride from one chunk of 16 `k` to the next, in values; unused where `k` runs over rows.
    chunk: usize,
}

/// `tile[m, n] = sum_k a[m, k] * p[k, n]`, `k` from 0 to `depth`, for `M` rows and `V` vectors.
///
/// With `TRANSPOSED` false, `m` runs over rows and `k` over columns of blocks (forward); with `TRANSPOSED` true,
/// `k` runs over rows and `m` over columns of one block (gradient of the weights).
///
/// # Safety
/// Every `a[m, k]` and every `p[k, n]` named above is valid for reads: `a` at
/// `start + 16 m + (k / 16) chunk + k % 16`, or `start + m + 16 k` with `TRANSPOSED`; `p` at
/// `p + (n / 16) p_block + 16 k + n % 16`.
#[inline(always)]
unsafe fn accumulate<S: Lanes, const M: usize, const V: usize, const TRANSPOSED: bool>(
    simd: S,
    a: Strided,
    p: *const f32,
    p_block: usize,
    depth: usize,
    tile: &mut Tile,
) {
    let mut sums = [[simd.splat_f32s(0.0); V]; M];
    let chunk_len = if TRANSPOSED { depth } else { BLOCK };
    let (a_row, a_k) = if TRANSPOSED { (1, BLOCK) } else { (BLOCK, 1) };
    let mut done = 0;
    let mut a_chunk = a.start;
    while done < depth {
        let len = chunk_len.min(depth - done);
        for k in 0..len {
            let mut columns = [simd.splat_f32s(0.0); V];
            for (v, column) in columns.iter_mut().enumerate() {
                let n = v * S::F32_LANES;
                // SAFETY: `p[done + k, n..]` is valid for reads, as the caller guarantees.
                *column = unsafe {
                    load::<S>(p.add(n / BLOCK * p_block + (done + k) * BLOCK + n % BLOCK))
                };
            }
            for (m, sums) in sums.iter_mut().enumerate() {
                // SAFETY: `a[m, done + k]` is valid for reads, as the caller guarantees.
                let value = simd.splat_f32s(unsafe { *a_chunk.add(m * a_row + k * a_k) });
                for (sum, column) in sums.iter_mut().zip(columns) {
                    *sum = simd.mul_add_e_f32s(value, column, *sum);
                }
            }
        }
        done += len;
        a_chunk = a_chunk.wrapping_add(a.chunk);
    }
    for (m, sums) in sums.into_iter().enumerate() {
        for (v, sum) in sums.into_iter().enumerate() {
            let first = (m * V + v) * S::F32_LANES;
            // SAFETY: `M` rows of `V` vectors are at most 8 of 3 blocks (see `fill`).
            unsafe { store::<S>(tile.0.as_mut_ptr().wrapping_add(first), sum) };
        }
    }
}

/// [`accumulate`] for a tile of `rows` rows and `blocks` blocks, which `S` must have.
///
/// # Safety
/// As [`accumulate`], for `rows` rows and `blocks * 16` columns.
#[inline(always)]
unsafe fn fill<S: Lanes, const TRANSPOSED: bool>(
    simd: S,
    (blocks, rows): (usize, usize),
    a: Strided,
    p: *const f32,
    p_block: usize,
    depth: usize,
    tile: &mut Tile,
) {
    macro_rules! of {
        ($m:literal, $v:literal) => {
            // SAFETY: guaranteed by the caller; `V` vectors are `blocks` blocks in each arm below.
            unsafe { accumulate::<S, $m, $v, TRANSPOSED>(simd, a, p, p_block, depth, tile) }
        };
    }
    match (S::F32_LANES, blocks, rows) {
        (16, 3, 8) => of!(8, 3),
        (16, 3, 4) => of!(4, 3),
        (16, 3, 2) => of!(2, 3),
        (16, 3, 1) => of!(1, 3),
        (16, 2, 8) => of!(8, 2),
        (16, 2, 4) => of!(4, 2),
        (16, 2, 2) => of!(2, 2),
        (16, 2, 1) => of!(1, 2),
        (16, 1, 8) => of!(8, 1),
        (16, 1, 4) => of!(4, 1),
        (16, 1, 2) => of!(2, 1),
        (16, 1, 1) => of!(1, 1),
        (8, 1, 6) => of!(6, 2),
        (8, 1, 4) => of!(4, 2),
        (8, 1, 2) => of!(2, 2),
        (8, 1, 1) => of!(1, 2),
        (4, 1, 6) => of!(6, 4),
        (4, 1, 4) => of!(4, 4),
        (4, 1, 2) => of!(2, 4),
        (4, 1, 1) => of!(1, 4),
        (1, 1, 2) => of!(2, 16),
        (1, 1, 1) => of!(1, 16),
        (lanes, blocks, rows) => {
            unreachable!("no tile of {rows} rows and {blocks} blocks for {lanes} lanes")
        }
    }
}

/// `output = W input + b`, then ReLU if `relu`; `[rows, I]` to `[rows, O]`.
pub(crate) struct Forward<'a> {
    /// `[rows, I]`.
    pub(crate) input: View<'a>,
    /// `[I + 1, O]`, the bias last.
    pub(crate) weights: View<'a>,
    /// `[rows, O]`.
    pub(crate) output: ViewMut<'a>,
    pub(crate) relu: bool,
}

/// The rows of a panel, which is multiplied by all weights before the next, so that it stays in the L2 cache: 128 rows
/// of 784 values are 400 kB.
const PANEL_ROWS: usize = 128;

impl Kernel for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let Forward {
            input,
            weights,
            output,
            relu,
        } = self;
        let inputs = weights.rows - 1;
        assert!(input.rows == output.rows && inputs <= input.blocks * BLOCK);
        assert_eq!(weights.blocks, output.blocks);
        let mut tile = Tile::ZEROS;
        for panel in (0..output.rows).step_by(PANEL_ROWS) {
            let panel_end = output.rows.min(panel + PANEL_ROWS);
            for blocks in groups(output.blocks, S::TILE_BLOCKS) {
                let mut row = panel;
                while row < panel_end {
                    let rows = tile_rows::<S>(panel_end - row);
                    let a = Strided {
                        start: input.at(0, row),
                        chunk: input.block_stride(),
                    };
                    let p = weights.at(blocks.start, 0);
                    let stride = weights.block_stride();
                    let size = (blocks.len(), rows);
                    // SAFETY: rows `row..row + rows` and columns `..inputs` are within `input`, rows `..inputs` and
                    // blocks `blocks` within `weights`, by the assertions above.
                    unsafe { fill::<S, false>(simd, size, a, p, stride, inputs, &mut tile) };
                    for m in 0..rows {
                        for n in (0..blocks.len() * BLOCK).step_by(S::F32_LANES) {
                            let (block, lane) = (blocks.start + n / BLOCK, n % BLOCK);
                            let sum = tile.vector::<S>(blocks.len(), m, n);
                            // SAFETY: row `inputs` of `weights` is the bias; `output` has the row and
                            // the block.
                            unsafe {
                                let bias = load::<S>(weights.at(block, inputs).add(lane));
                                let mut y = simd.add_f32s(sum, bias);
                                if relu {
                                    y = simd.relu(y);
                                }
                                store::<S>(output.at(block, row + m).add(lane), y);
                            }
                        }
                    }
                    row += rows;
                }
            }
        }
    }
}

/// `output = (delta W) * derivatives`, `[rows, O]` to some blocks of `[rows, I]`.
pub(crate) struct InputGradient<'a> {
    /// The gradient of the layer's outputs, `[rows, O]`.
    pub(crate) delta: View<'a>,
    /// `O`.
    pub(crate) outputs: usize,
    /// `[I + 1, O]`.
    pub(crate) weights: View<'a>,
    /// The first block of inputs that is computed; `output` has the number of blocks.
    pub(crate) first_block: usize,
    /// Whether the gradient is added to the output, or replaces it.
    pub(crate) adds: bool,
    pub(crate) derivatives: Derivative<View<'a>>,
    pub(crate) output: ViewMut<'a>,
    /// For [`InputGradient::scratch_len`] values.
    pub(crate) scratch: &'a mut [f32],
}

impl InputGradient<'_> {
    /// The number of scratch values for a layer of `outputs` outputs.
    pub(crate) const fn scratch_len(outputs: usize) -> usize {
        3 * outputs * BLOCK
    }
}

impl Kernel for InputGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let InputGradient {
            delta,
            outputs,
            weights,
            first_block,
            adds,
            derivatives,
            output,
            scratch,
        } = self;
        assert!(delta.rows == output.rows && outputs <= delta.blocks * BLOCK);
        assert!(outputs <= weights.blocks * BLOCK);
        let has_room = |view: &View<'_>| view.blocks >= output.blocks && view.rows >= output.rows;
        assert!(derivatives.values().is_none_or(has_room));
        let mut tile = Tile::ZEROS;
        for blocks in groups(output.blocks, S::TILE_BLOCKS) {
            for (place, block) in blocks.clone().enumerate() {
                let to = &mut scratch[place * outputs * BLOCK..(place + 1) * outputs * BLOCK];
                transpose(weights, first_block + block, outputs, to);
            }
            let packed = View::of(scratch, blocks.len(), outputs);
            let mut row = 0;
            while row < output.rows {
                let rows = tile_rows::<S>(output.rows - row);
                let a = Strided {
                    start: delta.at(0, row),
                    chunk: delta.block_stride(),
                };
                let (p, stride) = (packed.at(0, 0), packed.block_stride());
                // SAFETY: rows `row..row + rows` and columns `..outputs` are within `delta`, by the first assertion;
                // `packed` has `outputs` rows of as many blocks.
                unsafe {
                    let size = (blocks.len(), rows);
                    fill::<S, false>(simd, size, a, p, stride, outputs, &mut tile);
                }
                for m in 0..rows {
                    for n in (0..blocks.len() * BLOCK).step_by(S::F32_LANES) {
                        let (block, row, lane) = (blocks.start + n / BLOCK, row + m, n % BLOCK);
                        let sum = tile.vector::<S>(blocks.len(), m, n);
                        // SAFETY: `derivatives` and `output` have the block and the row.
                        unsafe {
                            let to = output.at(block, row).add(lane);
                            let place = |view: &View<'_>| view.at(block, row).add(lane);
                            Epilogue::Derivative(derivatives).store(simd, adds, to, place, sum);
                        }
                    }
                }
                row += rows;
            }
        }
    }
}

/// Block `block` of the transposed weights, `[O, 16]`; 0 for the padding.
#[inline(always)]
fn transpose(weights: View<'_>, block: usize, outputs: usize, to: &mut [f32]) {
    const ZEROS: [f32; BLOCK] = [0.0; BLOCK];
    let inputs = weights.rows - 1;
    for (output_block, to) in to.chunks_mut(BLOCK * BLOCK).enumerate() {
        let rows: [&[f32; BLOCK]; BLOCK] = std::array::from_fn(|lane| {
            let input = block * BLOCK + lane;
            if input < inputs {
                weights.row(output_block, input)
            } else {
                &ZEROS
            }
        });
        for (lane, to) in to.chunks_exact_mut(BLOCK).enumerate() {
            for (value, row) in to.iter_mut().zip(rows) {
                *value = row[lane % BLOCK];
            }
        }
    }
    debug_assert_eq!(to.len(), outputs * BLOCK);
}

/// The gradient `sum_b delta[b, o] input[b, i]` of some weights, passed directly to the optimiser.
pub(crate) struct WeightGradient<'a> {
    /// `[rows, I]`.
    pub(crate) input: View<'a>,
    /// The gradient of the layer's outputs, `[rows, O]`, only for the blocks of `parameters`.
    pub(crate) delta: View<'a>,
    /// The inputs whose weights are updated; input `I` is the bias.
    pub(crate) inputs: Range<usize>,
    /// `I`.
    pub(crate) bias: usize,
    pub(crate) rule: Rule,
    /// Rows `inputs` of the parameters.
    pub(crate) parameters: Parameters<'a>,
}

impl Kernel for WeightGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let WeightGradient {
            input,
            delta,
            inputs,
            bias,
            rule,
            parameters,
        } = self;
        parameters.check_tiles(&rule, delta.blocks, inputs.len());
        let end = inputs.end.min(bias);
        assert!(end <= input.blocks * BLOCK && inputs.end <= bias + 1);
        assert_eq!(input.rows, delta.rows);
        let mut tile = Tile::ZEROS;
        for blocks in groups(delta.blocks, S::TILE_BLOCKS) {
            let mut first = inputs.start;
            while first < end {
                let block_end = end.min((first / BLOCK + 1) * BLOCK);
                let rows = tile_rows::<S>(block_end - first);
                let a = Strided {
                    start: input.at(first / BLOCK, 0).wrapping_add(first % BLOCK),
                    chunk: 0,
                };
                let (p, stride) = (delta.at(blocks.start, 0), delta.block_stride());
                // SAFETY: columns `first..first + rows` of one block and all rows are within `input`, blocks `blocks`
                // and all rows within `delta`; both have the same number of rows.
                let size = (blocks.len(), rows);
                unsafe { fill::<S, true>(simd, size, a, p, stride, delta.rows, &mut tile) };
                let place = (blocks.start, first - inputs.start);
                // SAFETY: `check` has checked the rule, the blocks and the rows.
                unsafe { parameters.update_tile(simd, &rule, place, size, tile.0.as_ptr()) };
                first += rows;
            }
        }
        if inputs.contains(&bias) {
            bias_gradient(simd, delta, bias - inputs.start, &rule, &parameters);
        }
    }
}

/// The gradient `sum_b delta[b, o]` of the biases, row `row` of `parameters`.
#[inline(always)]
pub(super) fn bias_gradient<S: Lanes>(
    simd: S,
    delta: View<'_>,
    row: usize,
    rule: &Rule,
    parameters: &Parameters<'_>,
) {
    parameters.check_tiles(rule, delta.blocks, row + 1);
    let mut sums = [0.0; BLOCK];
    for block in 0..delta.blocks {
        for lane in (0..BLOCK).step_by(S::F32_LANES) {
            let mut sum = simd.splat_f32s(0.0);
            for sample in 0..delta.rows {
                // SAFETY: the view has the block and the row.
                sum = simd.add_f32s(sum, unsafe { load::<S>(delta.at(block, sample).add(lane)) });
            }
            // SAFETY: `lane` and the lanes after it are within a block.
            unsafe { store::<S>(sums.as_mut_ptr().add(lane), sum) };
        }
        // SAFETY: checked above; `sums` are one row of one block.
        unsafe { parameters.update_tile(simd, rule, (block, row), (1, 1), sums.as_ptr()) };
    }
}
