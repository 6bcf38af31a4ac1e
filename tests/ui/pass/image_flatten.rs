//! A global mean has a width, unlike `Flatten`.

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 28, 28>, Conv2d<1, 64, 5>, GlobalAvgPool2d, Linear<64, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
