//! What the compiler knows of a network's steps: constants, by which code is selected.

use core::marker::PhantomData;

use super::{
    concat::Parts,
    route::{At, Route, route},
};
use crate::{network::Network, plan::Plan};

/// What becomes of a batch normalisation directly after a product: a type, so that storages that agree share a route.
pub trait Norms {
    /// Whether it is [part of the product's weights](super::route::is_folded).
    const ARE_FOLDED: bool;
}

/// They are part of the weights, which are packed when compiling, those of some convolutions for Winograd's algorithm.
#[derive(Debug)]
pub enum Folded {}

/// They are steps of their own.
#[derive(Debug)]
pub enum Kept {}

impl Norms for Folded {
    const ARE_FOLDED: bool = true;
}

impl Norms for Kept {
    const ARE_FOLDED: bool = false;
}

/// The number of values of the arena in which a forward pass of `N` keeps its activations, with either storage.
pub(crate) const fn arena<N: Network>() -> usize {
    let [folded, kept] = [RouteOf::<N, Folded>::ARENA, RouteOf::<N, Kept>::ARENA];
    if folded > kept { folded } else { kept }
}

/// Whether [`forward`](super::forward()) supports networks of this plan.
#[cfg(feature = "train")]
pub(crate) const fn fits_the_stack(plan: &Plan) -> bool {
    route(plan, false).arena() <= super::route::MAX_ON_STACK
}

/// The route of a network, resolved at compile time.
pub(super) struct RouteOf<N, F>(PhantomData<fn() -> (N, F)>);

impl<N: Network, F: Norms> RouteOf<N, F> {
    const ROUTE: Route = route(&N::PLAN, F::ARE_FOLDED);
    const ARENA: usize = Self::ROUTE.arena();
    const COPIES: usize = Self::ROUTE.copies.len;
    pub(super) const END: At = Self::ROUTE.steps[Plan::CAPACITY];

    /// The part of the arena with two ends, and that with copies.
    ///
    /// # Safety
    /// The arena is as long as the route says.
    #[inline(always)]
    pub(super) unsafe fn split(arena: &mut [f32]) -> (&mut [f32], &mut [f32]) {
        // SAFETY: guaranteed by the caller.
        unsafe { arena.split_at_mut_unchecked(arena.len() - Self::COPIES) }
    }
}

/// An arena of `MOST` values on the stack, the next shorter one having `LEAST`.
pub(super) struct OnStackOf<N, const LEAST: usize, const MOST: usize>(PhantomData<fn() -> N>);

impl<N: Network, const LEAST: usize, const MOST: usize> OnStackOf<N, LEAST, MOST> {
    /// Whether it is the shortest with room for the network.
    pub(super) const FITS: bool = LEAST < arena::<N>() && arena::<N>() <= MOST;
}

/// Step `K` of a network.
///
/// The constants do not depend on the instructions, nor on the storage, so each is evaluated once, while a `const` block is
/// evaluated anew in each instance of its function.
pub(super) struct StepOf<N, F, const K: usize>(PhantomData<fn() -> (N, F)>);

impl<N: Network, F: Norms, const K: usize> StepOf<N, F, K> {
    pub(super) const AT: At = RouteOf::<N, F>::ROUTE.steps[K];
    pub(super) const EXISTS: bool = K < N::PLAN.steps().len();
    pub(super) const RUNS: bool = !Self::AT.is_skipped();
    pub(super) const COPIES: bool = Self::AT.takes.is_some() || Self::AT.holds.is_some();
    /// What a concatenation joins.
    pub(super) const PARTS: Parts = RouteOf::<N, F>::ROUTE.parts(K);
}
