//! Shapes as layers.

use crate::{
    layer::{First, Layer},
    plan::Plan,
    shape::{Category, Features, Image, Pair, Part, Tokens},
};

// A shape as a layer changes nothing and has no step in the plan. First in a network, it states what the network takes;
// between two layers, it states what goes there, which is checked as for any layer.
macro_rules! shapes {
    ($([$($generics:tt)*] $shape:ty;)*) => {$(
        impl<$($generics)*> Layer<Self> for $shape {
            type Out = Self;
            const PLAN: Plan = Plan::identity();
        }

        impl<$($generics)*> First for $shape {
            type In = Self;
        }
    )*};
}
shapes! {
    [const N: usize] Features<N>;
    [const C: usize, const H: usize, const W: usize] Image<C, H, W>;
    [const L: usize, const V: usize] Tokens<L, V>;
    [const V: usize] Category<V>;
}

impl<A: Part, B: Part> Layer<Self> for Pair<A, B> {
    type Out = Self;
    const PLAN: Plan = Plan::identity();
}

impl<A: Part, B: Part> First for Pair<A, B> {
    type In = Self;
}
