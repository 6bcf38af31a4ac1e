//! error: a branch of a `Concat` of `Image<8, 12, 12>` gives `Flat<Image<8, 12, 12>>`, and those before it give `Image<16, 12, 12>`: they cannot be concatenated

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<8, 12, 12>, Concat<(Identity, ReLU, Flatten)>, GlobalAvgPool2d, Linear<24, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
