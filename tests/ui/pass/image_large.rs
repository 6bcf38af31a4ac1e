//! Sides of at most 512.

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 512, 512>, Conv2d<1, 6, 5>, ReLU, Flatten, LazyLinear<10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
