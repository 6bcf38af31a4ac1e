//! Standardisation of samples.

use super::{Kernel, Lanes, PerLane, load, store};
use crate::engine::fused::memory::matrix::{BLOCK, ViewMut};

/// `(x - mean) / deviation`, then ReLU if `relu`, in place, of a block of 16 features, each with its own numbers.
pub(crate) struct Standardize<'a> {
    pub(crate) mean: PerLane,
    pub(crate) deviation: PerLane,
    pub(crate) relu: bool,
    /// One block.
    pub(crate) values: ViewMut<'a>,
}

impl Kernel for Standardize<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let Standardize {
            mean,
            deviation,
            relu,
            values,
        } = self;
        assert!(values.blocks > 0);
        for lane in (0..BLOCK).step_by(S::F32_LANES) {
            // SAFETY: a vector from `lane` on is within 16 lanes.
            let [mean, deviation] =
                [&mean, &deviation].map(|numbers| unsafe { load::<S>(numbers.as_ptr().add(lane)) });
            for row in 0..values.rows {
                // SAFETY: the block, by the assertion, and the row are within the view; a vector from `lane` on is within 16
                // lanes.
                unsafe {
                    let place = values.at(0, row).add(lane);
                    let y = simd.div_f32s(simd.sub_f32s(load::<S>(place), mean), deviation);
                    store::<S>(place, if relu { simd.relu(y) } else { y });
                }
            }
        }
    }
}
