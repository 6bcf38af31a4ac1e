//! Logits of one sample, on the caller's thread: the walk of a frozen model, over the engine's weights.

use super::{
    Core, forward,
    matrix::{BLOCK, Part},
    program,
    share::Share,
};
use crate::{
    frozen::{At, Sealed, Values},
    plan::Op,
    single::Lanes,
};

/// The engine's weights, as the walk of one sample through a constant plan reads them.
pub(super) struct Live<'a> {
    core: &'a Core,
}

impl<'a> Live<'a> {
    /// # Safety
    /// While it lives, no thread writes the weights.
    pub(super) unsafe fn new(core: &'a Core) -> Self {
        Live { core }
    }
}

impl Values for Live<'_> {}
impl Sealed for Live<'_> {
    #[inline(always)]
    unsafe fn product<L: Lanes>(&self, lanes: L, at: &At, input: &[f32], output: &mut [f32]) {
        // SAFETY: nobody writes the weights, says `new`; lengths are the caller's promise.
        unsafe {
            let weights = self.core.weights[at.ordinal].view();
            weights.columns(at.step.inputs, at.step.outputs).product(
                lanes,
                input,
                output,
                at.reads_sample,
                at.relu,
            );
        }
    }

    fn activate(&self, op: Op, padded: &mut [f32], _len: usize) {
        let share = Share {
            blocks: 0..padded.len() / BLOCK,
            rows: 0..1,
        };
        let values = Part::of(padded, share.blocks.len(), 1);
        let chain = [program::Elementwise { op, dropout: None }];
        // SAFETY: there are no masks.
        unsafe { forward::elementwise(self.core, &chain, &share, values, None, None) };
    }
}
