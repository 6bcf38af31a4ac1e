//! 128 steps.

use tuplenet::prelude::*;

type One = (ReLU,);
type Two = (ReLU, ReLU);
type Four = (Two, Two);
type Sixteen = (Four, Four, Four, Four);
const _: Plan = <(Input<4>, Sixteen, Sixteen, Sixteen, Sixteen, Sixteen, Sixteen, Sixteen, Four, Four, Four, Two, One, One)>::PLAN;

fn main() {}
