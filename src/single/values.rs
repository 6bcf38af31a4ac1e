//! [`Values`]: the weights of a network, in either storage.

use super::{
    activation::Code,
    lanes::Lanes,
    matrix::{BLOCK, Matrix},
    route::At,
    step::Norms,
};
use crate::plan::Op;

/// The weights of a [`Frozen`](crate::frozen::Frozen): either embedded in the program or borrowed from bytes.
pub trait Values: Sealed {}

/// Seals [`Values`].
pub trait Sealed {
    /// Whether batch normalisations are [`Folded`] or [`Kept`].
    #[doc(hidden)]
    type Norms: Norms;

    /// The weight and the bias of a layer.
    ///
    /// # Safety
    /// The values are those of a plan with a layer that has parameters at `at`.
    #[doc(hidden)]
    unsafe fn matrix(&self, at: &At) -> impl Matrix;

    /// Of the table `[V, O]` of an embedding, the values of row `token` for the outputs from `output` on; the values of lanes past
    /// the last output are of no meaning.
    ///
    /// # Safety
    /// The values are those of a plan with a [table](crate::plan::Step::is_table) at `at`, which has this row; `output` is below
    /// `O` and a multiple of 16.
    #[doc(hidden)]
    unsafe fn row(&self, at: &At, token: usize, output: usize) -> [f32; BLOCK];

    /// The factor and the term of a batch normalisation for a channel.
    ///
    /// # Safety
    /// The values are those of a plan with a batch normalisation at `at`, which has this channel.
    #[doc(hidden)]
    unsafe fn norm(&self, at: &At, channel: usize) -> [f32; 2];

    /// The mean and the standard deviation of a feature in a standardisation.
    ///
    /// # Safety
    /// The values are those of a plan with a standardisation at `at`, which has this feature.
    #[doc(hidden)]
    unsafe fn moments(&self, at: &At, feature: usize) -> [f32; 2];

    /// Whether zero inputs may be skipped where it [pays](super::route::seeks_zeros): all weights there are finite.
    #[doc(hidden)]
    fn skips_zeros(&self) -> bool;

    /// An activation of whole blocks of 16 values, in place, with its code.
    #[doc(hidden)]
    #[inline(always)]
    fn activate<L: Lanes>(&self, lanes: L, op: Op, code: Code<L>, blocks: &mut [f32]) {
        code(lanes, op, blocks);
    }
}
