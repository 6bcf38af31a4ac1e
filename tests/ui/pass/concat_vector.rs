//! All branches of an image give images.

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<8, 12, 12>, Concat<(Identity, ReLU, Tanh)>, GlobalAvgPool2d, Linear<24, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
