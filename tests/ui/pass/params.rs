//! Thirty parameters.

use tuplenet::prelude::*;

const WIDTH: usize = 5;
const _: Plan = <(Linear<WIDTH, WIDTH>,)>::PLAN;

fn main() {}
