//! A kernel is at most as large as its image.

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 5, 5>, Conv2d<1, 6, 5>, ReLU, Flatten, LazyLinear<10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
