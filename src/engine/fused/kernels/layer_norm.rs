//! Layer normalisation of vectors: each row of a matrix by itself, and the gradients of its input and its weights.
//!
//! A row is in blocks of 16 columns. The padding of the last block enters no sum, and has a gradient of 0.

use super::{Epilogue, Kernel, Lanes, PerLane, load, store};
use crate::{
    engine::fused::memory::matrix::{BLOCK, View, ViewMut},
    plan::Op,
};

/// What the values of a sample are normalised by: `y = w inverse (x - mean) + b`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SampleNumbers {
    pub(crate) mean: f32,
    /// `1 / sqrt(variance + 1e-5)`.
    pub(crate) inverse: f32,
}

impl SampleNumbers {
    /// Those of values whose distances from `near` have this sum, and this sum of squares.
    #[inline(always)]
    pub(crate) fn around(near: f32, count: f64, [sum, squares]: [f64; 2]) -> Self {
        let variance = (squares - sum * sum / count) / count;
        SampleNumbers {
            mean: (f64::from(near) + sum / count) as f32,
            inverse: (1.0 / (variance + Op::EPSILON).sqrt()) as f32,
        }
    }
}

/// The lanes, from `lane` on, of block `block` that are columns, and no padding.
#[inline(always)]
fn columns_in<S: Lanes>(simd: S, columns: usize, block: usize, lane: usize) -> S::m32s {
    const LANES: PerLane = [
        0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0,
    ];
    let end = simd.splat_f32s((columns - block * BLOCK) as f32);
    // SAFETY: a vector from `lane` on is within 16 lanes.
    simd.less_than_f32s(unsafe { load::<S>(LANES.as_ptr().add(lane)) }, end)
}

/// The sums over the columns of a row of two values for each vector, which `values` computes of block and first lane.
#[inline(always)]
fn row_sums<S: Lanes>(
    simd: S,
    columns: usize,
    values: impl Fn(usize, usize) -> [S::f32s; 2],
) -> [f64; 2] {
    let mut all = [[0.0; BLOCK]; 2];
    let zero = simd.splat_f32s(0.0);
    for lane in (0..BLOCK).step_by(S::F32_LANES) {
        let mut sums = [zero; 2];
        for block in 0..columns.div_ceil(BLOCK) {
            let is_column = columns_in(simd, columns, block, lane);
            let [first, second] = values(block, lane);
            sums = [
                simd.add_f32s(sums[0], simd.select_f32s(is_column, first, zero)),
                simd.add_f32s(sums[1], simd.select_f32s(is_column, second, zero)),
            ];
        }
        for (all, sum) in all.iter_mut().zip(sums) {
            // SAFETY: a vector from `lane` on is within 16 lanes.
            unsafe { store::<S>(all.as_mut_ptr().add(lane), sum) };
        }
    }
    all.map(|lanes| lanes.into_iter().map(f64::from).sum())
}

/// `y = w (x - mean) / sqrt(variance + 1e-5) + b` for each row, then ReLU if `relu`.
pub(crate) struct NormalizeRows<'a> {
    pub(crate) input: View<'a>,
    /// `[2, columns]`: the weight and the bias.
    pub(crate) weights: View<'a>,
    pub(crate) columns: usize,
    pub(crate) relu: bool,
    pub(crate) output: ViewMut<'a>,
    /// One for each row, to write; empty where nothing reads them.
    pub(crate) numbers: &'a mut [SampleNumbers],
}

impl Kernel for NormalizeRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let NormalizeRows {
            input,
            weights,
            columns,
            relu,
            output,
            numbers,
        } = self;
        let blocks = columns.div_ceil(BLOCK);
        assert!(input.blocks >= blocks && input.rows >= output.rows && output.blocks >= blocks);
        assert!(weights.blocks >= blocks && weights.rows >= 2);
        let mut numbers = numbers.iter_mut();
        let count = columns as f64;
        for row in 0..output.rows {
            // SAFETY: block and row are within the view; a vector from `lane` on is within 16 lanes.
            let x = |block, lane| unsafe { load::<S>(input.at(block, row).add(lane)) };
            let [sum, _] = row_sums(
                simd,
                columns,
                #[inline(always)]
                |block, lane| [x(block, lane); 2],
            );
            let near = (sum / count) as f32;
            let sums = row_sums(
                simd,
                columns,
                #[inline(always)]
                |block, lane| {
                    let x = simd.sub_f32s(x(block, lane), simd.splat_f32s(near));
                    [x, simd.mul_f32s(x, x)]
                },
            );
            let of_row = SampleNumbers::around(near, count, sums);
            if let Some(place) = numbers.next() {
                *place = of_row;
            }
            let [mean, inverse] = [of_row.mean, of_row.inverse].map(|x| simd.splat_f32s(x));
            for block in 0..blocks {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: as above.
                    unsafe {
                        let parameter = |row| load::<S>(weights.at(block, row).add(lane));
                        let factor = simd.mul_f32s(parameter(0), inverse);
                        let x = simd.sub_f32s(x(block, lane), mean);
                        let y = simd.mul_add_e_f32s(factor, x, parameter(1));
                        let y = if relu { simd.relu(y) } else { y };
                        store::<S>(output.at(block, row).add(lane), y);
                    }
                }
            }
        }
    }
}

/// The gradient of the input: `inverse (w delta - mean(w delta) - inverse^2 (x - mean) mean(w delta (x - mean)))`, with means
/// over the row.
pub(crate) struct RowsGradient<'a> {
    pub(crate) delta: View<'a>,
    pub(crate) input: View<'a>,
    /// `[2, columns]`: the weight and the bias.
    pub(crate) weights: View<'a>,
    pub(crate) columns: usize,
    /// One for each row.
    pub(crate) numbers: &'a [SampleNumbers],
    /// Whether the gradient is added to the output, or replaces it.
    pub(crate) adds: bool,
    pub(crate) output: ViewMut<'a>,
    pub(crate) epilogue: Epilogue<View<'a>>,
}

impl Kernel for RowsGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let RowsGradient {
            delta,
            input,
            weights,
            columns,
            numbers,
            adds,
            output,
            epilogue,
        } = self;
        let blocks = columns.div_ceil(BLOCK);
        let has_room = |view: &View<'_>| view.blocks >= blocks && view.rows >= output.rows;
        let views = [Some(&delta), Some(&input), epilogue.values()];
        assert!(views.into_iter().flatten().all(has_room) && output.blocks >= blocks);
        assert!(weights.blocks >= blocks && weights.rows >= 1);
        assert_eq!(numbers.len(), output.rows);
        let zero = simd.splat_f32s(0.0);
        for (row, of_row) in numbers.iter().enumerate() {
            let mean = simd.splat_f32s(of_row.mean);
            // The distance from the mean, and the gradient of the normalised value.
            let both = |block: usize, lane: usize| {
                // SAFETY: block and row are within every view; a vector from `lane` on is within 16 lanes.
                unsafe {
                    let at = |view: &View<'_>, row| load::<S>(view.at(block, row).add(lane));
                    let gradient = simd.mul_f32s(at(&weights, 0), at(&delta, row));
                    (simd.sub_f32s(at(&input, row), mean), gradient)
                }
            };
            let sums = row_sums(
                simd,
                columns,
                #[inline(always)]
                |block, lane| {
                    let (x, gradient) = both(block, lane);
                    [gradient, simd.mul_f32s(gradient, x)]
                },
            );
            let inverse = f64::from(of_row.inverse);
            let [sum, product] = sums.map(|sum| sum / columns as f64);
            let slope = simd.splat_f32s((product * inverse * inverse) as f32);
            let [sum, inverse] = [sum as f32, of_row.inverse].map(|x| simd.splat_f32s(x));
            for block in 0..blocks {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    let (x, gradient) = both(block, lane);
                    let gradient = simd.minus_product(simd.sub_f32s(gradient, sum), slope, x);
                    let gradient = simd.mul_f32s(inverse, gradient);
                    let is_column = columns_in(simd, columns, block, lane);
                    let gradient = simd.select_f32s(is_column, gradient, zero);
                    // SAFETY: as above.
                    unsafe {
                        let to = output.at(block, row).add(lane);
                        let place = |view: &View<'_>| view.at(block, row).add(lane);
                        epilogue.store(simd, adds, to, place, gradient);
                    }
                }
            }
        }
    }
}

/// The gradient of the weights of some blocks of columns, summed over the rows.
pub(crate) struct ColumnsGradient<'a> {
    pub(crate) delta: View<'a>,
    pub(crate) input: View<'a>,
    /// One for each row.
    pub(crate) numbers: &'a [SampleNumbers],
    /// `[2, columns]`: those of the weight and of the bias.
    pub(crate) output: ViewMut<'a>,
}

impl Kernel for ColumnsGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let ColumnsGradient {
            delta,
            input,
            numbers,
            output,
        } = self;
        for view in [&delta, &input] {
            assert!(view.blocks >= output.blocks && view.rows >= numbers.len());
        }
        assert!(output.rows >= 2);
        for block in 0..output.blocks {
            for lane in (0..BLOCK).step_by(S::F32_LANES) {
                let mut sums = [simd.splat_f32s(0.0); 2];
                for (row, SampleNumbers { mean, inverse }) in numbers.iter().enumerate() {
                    // SAFETY: block and row are within both views; a vector from `lane` on is within 16 lanes.
                    unsafe {
                        let at = |view: &View<'_>| load::<S>(view.at(block, row).add(lane));
                        let x = simd.sub_f32s(at(&input), simd.splat_f32s(*mean));
                        let x = simd.mul_f32s(x, simd.splat_f32s(*inverse));
                        sums[0] = simd.mul_add_e_f32s(at(&delta), x, sums[0]);
                        sums[1] = simd.add_f32s(sums[1], at(&delta));
                    }
                }
                for (row, sum) in sums.into_iter().enumerate() {
                    // SAFETY: the output has these two rows of the block.
                    unsafe { store::<S>(output.at(block, row).add(lane), sum) };
                }
            }
        }
    }
}
