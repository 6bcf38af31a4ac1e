//! error: `Conv2d<1, 6, 5>` cannot follow a layer that gives `Image<1, 600, 512>`, whose sides are too long

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 600, 512>, Conv2d<1, 6, 5>, ReLU, Flatten, LazyLinear<10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
