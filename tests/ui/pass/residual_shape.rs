//! The body keeps the shape.

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<8, 12, 12>, Residual<(Conv2d<8, 8, 3, 1, 1>, ReLU)>, GlobalAvgPool2d, Linear<8, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
