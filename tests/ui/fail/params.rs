//! error: a network has more parameters than memory can hold

use tuplenet::prelude::*;

const WIDTH: usize = 4_000_000_000;
const _: Plan = <(Linear<WIDTH, WIDTH>,)>::PLAN;

fn main() {}
