//! error: `MaxPool2d<2>` does not divide the image before it, `Image<6, 25, 25>`

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 28, 28>, Conv2d<1, 6, 4>, ReLU, MaxPool2d<2>, Flatten, LazyLinear<10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
