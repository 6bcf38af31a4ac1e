//! All branches keep the sides.

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<8, 12, 12>, Concat<(Identity, (Conv2d<8, 8, 3, 1, 1>, ReLU))>, GlobalAvgPool2d, Linear<16, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
