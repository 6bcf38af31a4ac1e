//! error: the groups of a convolution divide its input and its output channels

use tuplenet::{prelude::*, shape::Image};

const _: Plan = <(Image<6, 8, 8>, Conv2d<6, 9, 3, 1, 1, 2>)>::PLAN;

fn main() {}
