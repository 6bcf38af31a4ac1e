//! The parametric ReLU, and the gradients of its input and of its slopes.
//!
//! Slopes stand in 16 lanes. Of vectors, the lanes are 16 features, each with its own slope; of images, they are 16 samples,
//! with the same slope in all lanes.

use super::{Epilogue, Kernel, Lanes, PerLane, load, store};
use crate::engine::fused::memory::matrix::{BLOCK, View, ViewMut};

/// `y = x` for `x > 0`, else `slope x`; then ReLU if `relu`.
pub(crate) struct PRelu<'a> {
    pub(crate) input: View<'a>,
    pub(crate) slopes: PerLane,
    pub(crate) relu: bool,
    pub(crate) output: ViewMut<'a>,
}

impl Kernel for PRelu<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let PRelu {
            input,
            slopes,
            relu,
            output,
        } = self;
        assert!(input.blocks >= output.blocks && input.rows >= output.rows);
        let zero = simd.splat_f32s(0.0);
        for block in 0..output.blocks {
            for row in 0..output.rows {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: block and row are within both views; a vector from `lane` on is within 16 lanes.
                    unsafe {
                        let x = load::<S>(input.at(block, row).add(lane));
                        let scaled = simd.mul_f32s(load::<S>(slopes.as_ptr().add(lane)), x);
                        let y = simd.select_f32s(simd.greater_than_f32s(x, zero), x, scaled);
                        let y = if relu { simd.relu(y) } else { y };
                        store::<S>(output.at(block, row).add(lane), y);
                    }
                }
            }
        }
    }
}

/// The gradient of the input: that of the output, times the slope where the input is not above 0.
pub(crate) struct PReluGradient<'a> {
    pub(crate) delta: View<'a>,
    pub(crate) input: View<'a>,
    pub(crate) slopes: PerLane,
    /// Whether the gradient is added to the output, or replaces it.
    pub(crate) adds: bool,
    pub(crate) output: ViewMut<'a>,
    pub(crate) epilogue: Epilogue<View<'a>>,
}

impl Kernel for PReluGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let PReluGradient {
            delta,
            input,
            slopes,
            adds,
            output,
            epilogue,
        } = self;
        let (blocks, rows) = (output.blocks, output.rows);
        let has_room = |view: &View<'_>| view.blocks >= blocks && view.rows >= rows;
        let views = [Some(&delta), Some(&input), epilogue.values()];
        assert!(views.into_iter().flatten().all(has_room));
        let zero = simd.splat_f32s(0.0);
        for block in 0..blocks {
            for row in 0..rows {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: block and row are within every view; a vector from `lane` on is within 16 lanes.
                    unsafe {
                        let at = |view: &View<'_>| view.at(block, row).add(lane);
                        let (x, gradient) = (load::<S>(at(&input)), load::<S>(at(&delta)));
                        let scaled = simd.mul_f32s(load::<S>(slopes.as_ptr().add(lane)), gradient);
                        let is_above = simd.greater_than_f32s(x, zero);
                        let gradient = simd.select_f32s(is_above, gradient, scaled);
                        let to = output.at(block, row).add(lane);
                        epilogue.store(simd, adds, to, at, gradient);
                    }
                }
            }
        }
    }
}

/// The gradient of the slopes: for each lane, the sum over all blocks and rows of the gradient of the output times the input,
/// where that is not above 0.
pub(crate) struct SlopeSums<'a> {
    pub(crate) delta: View<'a>,
    pub(crate) input: View<'a>,
}

impl Kernel for SlopeSums<'_> {
    type Output = PerLane;

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) -> PerLane {
        let SlopeSums { delta, input } = self;
        assert!(input.blocks >= delta.blocks && input.rows >= delta.rows);
        let zero = simd.splat_f32s(0.0);
        let mut all = [0.0; BLOCK];
        for lane in (0..BLOCK).step_by(S::F32_LANES) {
            let mut sum = zero;
            for block in 0..delta.blocks {
                for row in 0..delta.rows {
                    // SAFETY: block and row are within both views; a vector from `lane` on is within 16 lanes.
                    unsafe {
                        let x = load::<S>(input.at(block, row).add(lane));
                        let product = simd.mul_f32s(load::<S>(delta.at(block, row).add(lane)), x);
                        let is_above = simd.greater_than_f32s(x, zero);
                        sum = simd.add_f32s(sum, simd.select_f32s(is_above, zero, product));
                    }
                }
            }
            // SAFETY: a vector from `lane` on is within 16 lanes.
            unsafe { store::<S>(all.as_mut_ptr().add(lane), sum) };
        }
        all
    }
}
