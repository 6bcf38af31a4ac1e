//! Batch normalisation: sums over a batch, the normalised values, and the gradient of the input.
//!
//! Numbers of a channel stand in 16 lanes. Of vectors, the lanes are 16 features, each with its own numbers; of images, they
//! are 16 samples, with the same numbers in all lanes.

use super::{Epilogue, Kernel, Lanes, load, store};
use crate::engine::fused::memory::matrix::{BLOCK, View, ViewMut};

/// A number for each lane.
pub(crate) type PerLane = [f32; BLOCK];

/// The sums over all blocks and rows of two values for each vector, which `values` computes of block, row and first lane.
#[inline(always)]
fn sums<S: Lanes>(
    simd: S,
    [blocks, rows]: [usize; 2],
    values: impl Fn(usize, usize, usize) -> [S::f32s; 2],
) -> [PerLane; 2] {
    let mut all = [[0.0; BLOCK]; 2];
    for lane in (0..BLOCK).step_by(S::F32_LANES) {
        let mut sums = [simd.splat_f32s(0.0); 2];
        for block in 0..blocks {
            for row in 0..rows {
                let [first, second] = values(block, row, lane);
                sums = [
                    simd.add_f32s(sums[0], first),
                    simd.add_f32s(sums[1], second),
                ];
            }
        }
        for (all, sum) in all.iter_mut().zip(sums) {
            // SAFETY: a vector from `lane` on is within 16 lanes.
            unsafe { store::<S>(all.as_mut_ptr().add(lane), sum) };
        }
    }
    all
}

/// The sums over all blocks and rows of `x - mean` and of its square.
pub(crate) struct Deviations<'a> {
    pub(crate) values: View<'a>,
    pub(crate) mean: PerLane,
}

impl Kernel for Deviations<'_> {
    type Output = [PerLane; 2];

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) -> [PerLane; 2] {
        let Deviations { values, mean } = self;
        sums(
            simd,
            [values.blocks, values.rows],
            #[inline(always)]
            |block, row, lane| {
                // SAFETY: block and row are within the view; a vector from `lane` on is within 16 lanes.
                let x = unsafe {
                    let x = load::<S>(values.at(block, row).add(lane));
                    simd.sub_f32s(x, load::<S>(mean.as_ptr().add(lane)))
                };
                [x, simd.mul_f32s(x, x)]
            },
        )
    }
}

/// `y = factor (x - mean) + bias`, then ReLU if `relu`.
pub(crate) struct Normalize<'a> {
    pub(crate) input: View<'a>,
    pub(crate) mean: PerLane,
    pub(crate) factor: PerLane,
    pub(crate) bias: PerLane,
    pub(crate) relu: bool,
    pub(crate) output: ViewMut<'a>,
}

impl Kernel for Normalize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let Normalize {
            input,
            mean,
            factor,
            bias,
            relu,
            output,
        } = self;
        assert!(input.blocks >= output.blocks && input.rows >= output.rows);
        for block in 0..output.blocks {
            for row in 0..output.rows {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: block and row are within both views; a vector from `lane` on is within 16 lanes.
                    unsafe {
                        let number = |numbers: &PerLane| load::<S>(numbers.as_ptr().add(lane));
                        let x = load::<S>(input.at(block, row).add(lane));
                        let x = simd.sub_f32s(x, number(&mean));
                        let y = simd.mul_add_e_f32s(number(&factor), x, number(&bias));
                        let y = if relu { simd.relu(y) } else { y };
                        store::<S>(output.at(block, row).add(lane), y);
                    }
                }
            }
        }
    }
}

/// The sums over all blocks and rows of the gradient, and of its product with `x - mean`.
pub(crate) struct NormSums<'a> {
    pub(crate) delta: View<'a>,
    pub(crate) input: View<'a>,
    pub(crate) mean: PerLane,
}

impl Kernel for NormSums<'_> {
    type Output = [PerLane; 2];

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) -> [PerLane; 2] {
        let NormSums { delta, input, mean } = self;
        assert!(input.blocks >= delta.blocks && input.rows >= delta.rows);
        sums(
            simd,
            [delta.blocks, delta.rows],
            #[inline(always)]
            |block, row, lane| {
                // SAFETY: block and row are within both views; a vector from `lane` on is within 16 lanes.
                unsafe {
                    let gradient = load::<S>(delta.at(block, row).add(lane));
                    let x = load::<S>(input.at(block, row).add(lane));
                    let x = simd.sub_f32s(x, load::<S>(mean.as_ptr().add(lane)));
                    [gradient, simd.mul_f32s(gradient, x)]
                }
            },
        )
    }
}

/// The gradient of the input.
pub(crate) struct NormGradient<'a> {
    pub(crate) term: NormTerm<'a>,
    /// Whether the gradient is added to the output, or replaces it.
    pub(crate) adds: bool,
    pub(crate) output: ViewMut<'a>,
    pub(crate) epilogue: Epilogue<View<'a>>,
}

/// `factor (delta - mean_delta - slope (x - mean))`, where `mean_delta` is the mean of the gradient of the outputs, and
/// `slope` that of its product with `x - mean`, divided by the variance.
pub(crate) struct NormTerm<'a> {
    pub(crate) delta: View<'a>,
    pub(crate) input: View<'a>,
    pub(crate) mean: PerLane,
    pub(crate) factor: PerLane,
    pub(crate) mean_delta: PerLane,
    pub(crate) slope: PerLane,
}

impl Kernel for NormGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let NormGradient {
            term,
            adds,
            output,
            epilogue,
        } = self;
        let NormTerm {
            delta,
            input,
            mean,
            factor,
            mean_delta,
            slope,
        } = term;
        let (blocks, rows) = (output.blocks, output.rows);
        let has_room = |view: &View<'_>| view.blocks >= blocks && view.rows >= rows;
        let views = [Some(&delta), Some(&input), epilogue.values()];
        assert!(views.into_iter().flatten().all(has_room));
        for block in 0..blocks {
            for row in 0..rows {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: block and row are within every view; a vector from `lane` on is within 16 lanes.
                    unsafe {
                        let number = |numbers: &PerLane| load::<S>(numbers.as_ptr().add(lane));
                        let at = |view: &View<'_>| view.at(block, row).add(lane);
                        let x = simd.sub_f32s(load::<S>(at(&input)), number(&mean));
                        let gradient = simd.sub_f32s(load::<S>(at(&delta)), number(&mean_delta));
                        let gradient = simd.minus_product(gradient, number(&slope), x);
                        let gradient = simd.mul_f32s(number(&factor), gradient);
                        let to = output.at(block, row).add(lane);
                        epilogue.store(simd, adds, to, at, gradient);
                    }
                }
            }
        }
    }
}
