//! One hidden feature.

use tuplenet::prelude::*;

const HIDDEN: usize = 1;
const _: Plan = <(Linear<4, HIDDEN>, ReLU, Linear<HIDDEN, 2>)>::PLAN;

fn main() {}
