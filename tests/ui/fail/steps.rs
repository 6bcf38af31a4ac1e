//! error: a network may have at most 64 steps

use tuplenet::prelude::*;

type One = (ReLU,);
type Two = (ReLU, ReLU);
type Eight = (Two, Two, Two, Two);
const _: Plan = <(Input<4>, Eight, Eight, Eight, Eight, Eight, Eight, Eight, Two, Two, Two, One, Two)>::PLAN;

fn main() {}
