//! error: `Image<6, 26, 26>` cannot follow a layer that gives `Image<6, 24, 24>`

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 28, 28>, Conv2d<1, 6, 5>, ReLU, Image<6, 26, 26>, Flatten, LazyLinear<10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
