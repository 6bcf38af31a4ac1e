//! error: `Linear<64, 10>` cannot follow a layer that gives `Image<64, 24, 24>`

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 28, 28>, Conv2d<1, 64, 5>, ReLU, Linear<64, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
