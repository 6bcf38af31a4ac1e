//! Elementwise operations between two `Linear`s: activations and dropout, in place, with their derivatives.

use super::{Kernel, Lanes, load, math::activate, store};
use crate::engine::fused::{
    memory::matrix::{BLOCK, View, ViewMut},
    program,
};

/// Operations on each value, in order.
pub(crate) struct Elementwise<'a, M> {
    pub(crate) operations: &'a [program::Elementwise],
    /// The mask of each dropout; it has the rows and blocks of `values`. None where dropout is off.
    pub(crate) mask: M,
    /// The input and the output.
    pub(crate) values: ViewMut<'a>,
    /// The output for the product of the derivatives, if required.
    pub(crate) derivatives: Option<ViewMut<'a>>,
}

impl<'a, M: Fn(usize) -> Option<View<'a>>> Kernel for Elementwise<'a, M> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let Elementwise {
            operations,
            mask,
            values,
            derivatives,
        } = self;
        let (blocks, rows) = (values.blocks, values.rows);
        let has_room = |part: View<'_>| part.blocks >= blocks && part.rows >= rows;
        let dropouts = operations.iter().filter_map(|operation| operation.dropout);
        assert!(dropouts.filter_map(&mask).all(has_room));
        assert!(
            derivatives
                .as_ref()
                .is_none_or(|derivatives| derivatives.blocks >= blocks && derivatives.rows >= rows)
        );
        for block in 0..blocks {
            for row in 0..rows {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    let place = values.at(block, row).wrapping_add(lane);
                    // SAFETY: block and row are within `values` and, by the assertions, within every mask and
                    // `derivatives`.
                    unsafe {
                        let mut y = load::<S>(place);
                        let mut derivative = simd.splat_f32s(1.0);
                        for operation in operations {
                            let (next, factor) = match operation.dropout.map(&mask) {
                                Some(Some(mask)) => {
                                    let factor = load::<S>(mask.at(block, row).add(lane));
                                    (simd.mul_f32s(y, factor), factor)
                                }
                                Some(None) => continue,
                                None => activate(simd, operation.op, y),
                            };
                            y = next;
                            derivative = simd.mul_f32s(derivative, factor);
                        }
                        store::<S>(place, y);
                        if let Some(derivatives) = &derivatives {
                            store::<S>(derivatives.at(block, row).add(lane), derivative);
                        }
                    }
                }
            }
        }
    }
}
