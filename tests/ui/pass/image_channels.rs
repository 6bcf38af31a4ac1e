//! The channels of a convolution are those of the image before it.

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 28, 28>, Conv2d<1, 6, 5>, ReLU, Conv2d<6, 16, 5>, ReLU, Flatten, LazyLinear<10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
