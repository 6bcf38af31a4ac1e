//! What follows a `Linear` before the next one: activations and dropout, in place, with their slopes.

use super::{Kernel, Lanes, load, math::activate, store};
use crate::{
    engine::fused::matrix::{BLOCK, Part, View},
    plan::Op,
};

/// Operations on each value, in order.
pub(in crate::engine::fused) struct Elementwise<'a> {
    /// Each with its mask, if it is dropout and dropout is on; a mask has the rows and blocks of `values`.
    pub(in crate::engine::fused) operations: &'a [(Op, Option<View<'a>>)],
    /// In and out.
    pub(in crate::engine::fused) values: Part<'a>,
    /// Where the product of the slopes goes, if it is wanted.
    pub(in crate::engine::fused) slopes: Option<Part<'a>>,
}

impl Kernel for Elementwise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let Elementwise {
            operations,
            values,
            slopes,
        } = self;
        let (blocks, rows) = (values.blocks, values.rows);
        let masks = || operations.iter().filter_map(|(_, mask)| *mask);
        assert!(masks().all(|mask| mask.blocks >= blocks && mask.rows >= rows));
        assert!(
            slopes
                .as_ref()
                .is_none_or(|slopes| slopes.blocks >= blocks && slopes.rows >= rows)
        );
        for block in 0..blocks {
            for row in 0..rows {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    let place = values.at(block, row).wrapping_add(lane);
                    // SAFETY: block and row lie in `values`, and by the assertions in every mask and
                    // in `slopes`.
                    unsafe {
                        let mut y = load::<S>(place);
                        let mut slope = simd.splat_f32s(1.0);
                        for (op, mask) in operations {
                            let (next, factor) = match mask {
                                Some(mask) => {
                                    let factor = load::<S>(mask.at(block, row).add(lane));
                                    (simd.mul_f32s(y, factor), factor)
                                }
                                None => activate(simd, *op, y),
                            };
                            y = next;
                            slope = simd.mul_f32s(slope, factor);
                        }
                        store::<S>(place, y);
                        if let Some(slopes) = &slopes {
                            store::<S>(slopes.at(block, row).add(lane), slope);
                        }
                    }
                }
            }
        }
    }
}
