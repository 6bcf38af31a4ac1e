//! error: the body of a `Residual` of `Image<8, 12, 12>` gives `Image<8, 6, 6>`, its shortcut gives `Image<8, 12, 12>`: they cannot be added

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<8, 12, 12>, Residual<(Conv2d<8, 8, 3, 2, 1>, ReLU)>, GlobalAvgPool2d, Linear<8, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
