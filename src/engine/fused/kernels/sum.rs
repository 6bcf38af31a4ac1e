//! Sums of values, and the terms of their gradients.

use super::{Epilogue, Kernel, Lanes, load};
use crate::engine::fused::memory::matrix::{BLOCK, View, ViewMut};

/// `output = first + second`, or `first` alone, added to what is there if `adds`.
pub(crate) struct Sum<'a> {
    pub(crate) first: View<'a>,
    pub(crate) second: Option<View<'a>>,
    pub(crate) adds: bool,
    pub(crate) output: ViewMut<'a>,
    pub(crate) epilogue: Epilogue<View<'a>>,
}

impl Kernel for Sum<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let Sum {
            first,
            second,
            adds,
            output,
            epilogue,
        } = self;
        let (blocks, rows) = (output.blocks, output.rows);
        let has_room = |view: &View<'_>| view.blocks >= blocks && view.rows >= rows;
        let terms = [Some(&first), second.as_ref(), epilogue.values()];
        assert!(terms.into_iter().flatten().all(has_room));
        for block in 0..blocks {
            for row in 0..rows {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: block and row are within the output and, by the assertion, within every other view.
                    unsafe {
                        let at = |view: &View<'_>| view.at(block, row).add(lane);
                        let to = output.at(block, row).add(lane);
                        let mut sum = load::<S>(at(&first));
                        if let Some(second) = &second {
                            sum = simd.add_f32s(sum, load::<S>(at(second)));
                        }
                        epilogue.store(simd, adds, to, at, sum);
                    }
                }
            }
        }
    }
}
