//! A stride of 1, 2, 4, 8 or 16.

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 28, 28>, Conv2d<1, 6, 5, 2>, ReLU, Flatten, LazyLinear<10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
