//! A pooling divides the image.

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 28, 28>, Conv2d<1, 6, 5>, ReLU, MaxPool2d<2>, Flatten, LazyLinear<10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
