//! The dot product of two vectors for each sample, and the terms of its gradient.

use super::{Derivative, Epilogue, Kernel, Lanes, load};
use crate::engine::fused::memory::matrix::{BLOCK, View, ViewMut};

/// `output[b, 0] = sum_i first[b, i] second[b, i]`, then ReLU if `relu`; the other columns of the block are 0.
pub(crate) struct Dot<'a> {
    /// `[B, N]`.
    pub(crate) first: View<'a>,
    pub(crate) second: View<'a>,
    /// The number of columns.
    pub(crate) columns: usize,
    pub(crate) relu: bool,
    /// `[B, 1]`.
    pub(crate) output: ViewMut<'a>,
}

impl Kernel for Dot<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, simd: S) {
        let blocks = self.columns.div_ceil(BLOCK);
        let rows = self.output.rows;
        let has_room = |view: &View<'_>| view.blocks >= blocks && view.rows >= rows;
        assert!([&self.first, &self.second].into_iter().all(has_room));
        for row in 0..rows {
            let mut sum = simd.splat_f32s(0.0);
            for block in 0..blocks {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    let is_column = is_column(simd, block, lane, self.columns);
                    // SAFETY: block and row are within both views, by the assertion; a vector from `lane` on is within 16
                    // lanes.
                    unsafe {
                        let [x, z] = [&self.first, &self.second]
                            .map(|view| load::<S>(view.at(block, row).wrapping_add(lane)));
                        let product = simd.mul_f32s(x, z);
                        let zero = simd.splat_f32s(0.0);
                        sum = simd.add_f32s(sum, simd.select_f32s(is_column, product, zero));
                    }
                }
            }
            let y = simd.reduce_sum_f32s(sum);
            let output = self.output.row(0, row);
            output.fill(0.0);
            output[0] = if self.relu && y < 0.0 { 0.0 } else { y };
        }
    }
}

/// The term of a dot product in the gradient of one operand: `delta[b, 0] other[b, i]`.
pub(crate) struct DotGradient<'a> {
    /// `[B, 1]`.
    pub(crate) delta: View<'a>,
    /// The other operand, some blocks of columns.
    pub(crate) other: View<'a>,
    /// The number of columns from the first of these blocks on.
    pub(crate) columns: usize,
    pub(crate) adds: bool,
    pub(crate) derivatives: Derivative<View<'a>>,
    /// The same blocks.
    pub(crate) output: ViewMut<'a>,
}

impl Kernel for DotGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let (blocks, rows) = (self.output.blocks, self.output.rows);
        let epilogue = Epilogue::Derivative(self.derivatives);
        let has_room = |view: &View<'_>| view.blocks >= blocks && view.rows >= rows;
        let views = [Some(&self.other), epilogue.values()];
        assert!(views.into_iter().flatten().all(has_room));
        for row in 0..rows {
            let delta = simd.splat_f32s(self.delta.row(0, row)[0]);
            for block in 0..blocks {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    let is_column = is_column(simd, block, lane, self.columns);
                    // SAFETY: block and row are within the output and, by the assertion, within every other view.
                    unsafe {
                        let at = |view: &View<'_>| view.at(block, row).add(lane);
                        let to = self.output.at(block, row).add(lane);
                        let product = simd.mul_f32s(delta, load::<S>(at(&self.other)));
                        let zero = simd.splat_f32s(0.0);
                        let term = simd.select_f32s(is_column, product, zero);
                        epilogue.store(simd, self.adds, to, at, term);
                    }
                }
            }
        }
    }
}

/// Which lanes of a vector, from lane `lane` of a block on, are columns: an activation may give other values than 0 to those
/// beyond the last one.
#[inline(always)]
fn is_column<S: Lanes>(simd: S, block: usize, lane: usize, columns: usize) -> S::m32s {
    const LANES: [f32; BLOCK] = {
        let mut lanes = [0.0; BLOCK];
        let mut lane = 0;
        while lane < BLOCK {
            lanes[lane] = lane as f32;
            lane += 1;
        }
        lanes
    };
    let end = columns.saturating_sub(block * BLOCK).min(BLOCK);
    // SAFETY: a vector from `lane` on is within 16 lanes.
    let lanes = unsafe { load::<S>(LANES.as_ptr().add(lane)) };
    simd.less_than_f32s(lanes, simd.splat_f32s(end as f32))
}
