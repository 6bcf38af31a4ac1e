//! error: a layer has widths of 1 or more, found a width of 0

use tuplenet::prelude::*;

const HIDDEN: usize = 0;
const _: Plan = <(Linear<4, HIDDEN>, ReLU, Linear<HIDDEN, 2>)>::PLAN;

fn main() {}
