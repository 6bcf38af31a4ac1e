//! error: a branch of a `Concat` of `Image<8, 12, 12>` gives `Image<8, 6, 6>`, and those before it give `Image<8, 12, 12>`: they cannot be concatenated

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<8, 12, 12>, Concat<(Identity, (Conv2d<8, 8, 3, 2, 1>, ReLU))>, GlobalAvgPool2d, Linear<16, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
