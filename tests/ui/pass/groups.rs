//! Three groups of 2 and 3 channels.

use tuplenet::{prelude::*, shape::Image};

const _: Plan = <(Image<6, 8, 8>, Conv2d<6, 9, 3, 1, 1, 3>)>::PLAN;

fn main() {}
