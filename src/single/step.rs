//! What the compiler knows of a network's steps: constants, by which code is selected.

use core::marker::PhantomData;

use super::{
    concat::Parts,
    route::{At, Route, route},
};
use crate::{
    network::Network,
    plan::{Op, Plan},
};

/// What becomes of a batch normalisation directly after a product: a type, so that storages that agree share a route.
pub trait Norms {
    /// Whether it is [part of the product's weights](super::route::is_folded).
    const ARE_FOLDED: bool;
}

/// They are part of the weights.
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

/// The maximum length of an arena on the stack: 512 KiB.
pub(crate) const MAX_ON_STACK: usize = 1 << 17;

/// The number of values of the arena in which a forward pass of `N` keeps its activations.
pub(crate) const fn arena<N: Network>() -> usize {
    RouteOf::<N, Kept>::ARENA
}

/// Whether [`forward`](super::forward()) supports networks of this plan.
#[cfg(feature = "train")]
pub(crate) const fn fits_the_stack(plan: &Plan) -> bool {
    route(plan, false).arena() <= MAX_ON_STACK
}

/// The route of a network, resolved at compile time.
pub(super) struct RouteOf<N, F>(PhantomData<fn() -> (N, F)>);

impl<N: Network, F: Norms> RouteOf<N, F> {
    const ROUTE: Route = route(&N::PLAN, F::ARE_FOLDED);
    const ARENA: usize = Self::ROUTE.arena();
    pub(super) const COPIES: usize = Self::ROUTE.copies.len;
    pub(super) const END: At = Self::ROUTE.steps[Plan::CAPACITY];
}

/// An arena of `MOST` values on the stack, the next shorter one having `LEAST`.
pub(super) struct OnStackOf<N, const LEAST: usize, const MOST: usize>(PhantomData<fn() -> N>);

impl<N: Network, const LEAST: usize, const MOST: usize> OnStackOf<N, LEAST, MOST> {
    /// Whether it is the shortest with room for the network.
    pub(super) const FITS: bool = LEAST < arena::<N>() && arena::<N>() <= MOST;
}

/// Step `K` of a network.
///
/// A branch on one of the constants is compiled only where it is taken. The constants do not depend on the instructions, nor
/// on the storage, so each is evaluated once, while a `const` block is evaluated anew in each instance of its function.
pub(super) struct StepOf<N, F, const K: usize>(PhantomData<fn() -> (N, F)>);

impl<N: Network, F: Norms, const K: usize> StepOf<N, F, K> {
    pub(super) const AT: At = RouteOf::<N, F>::ROUTE.steps[K];
    pub(super) const EXISTS: bool = K < N::PLAN.steps().len();
    pub(super) const RUNS: bool = !Self::AT.is_skipped();
    pub(super) const TAKES: bool = Self::AT.takes.is_some();
    pub(super) const HOLDS: bool = Self::AT.holds.is_some();
    pub(super) const COMPUTES: bool = !Self::AT.is_idle;
    pub(super) const IS_LINEAR: bool = matches!(Self::AT.step.op, Op::Linear);
    pub(super) const IS_CONVOLUTION: bool = matches!(Self::AT.step.op, Op::Conv2d(_));
    pub(super) const IS_POOLING: bool = Self::AT.is_pooling();
    pub(super) const IS_FLATTEN: bool = matches!(Self::AT.step.op, Op::Flatten);
    pub(super) const IS_CONCAT: bool = matches!(Self::AT.step.op, Op::Concat { .. });
    pub(super) const IS_SUM: bool = Self::AT.term.is_some();
    pub(super) const IS_NORM: bool = matches!(Self::AT.step.op, Op::BatchNorm { .. });
    pub(super) const IS_LAYER_NORM: bool = matches!(Self::AT.step.op, Op::LayerNorm { .. });
    pub(super) const IS_PRELU: bool = matches!(Self::AT.step.op, Op::PRelu { .. });
    /// What a concatenation joins.
    pub(super) const PARTS: Parts = RouteOf::<N, F>::ROUTE.parts(K);
}
