//! error: `Conv2d<4, 8, 1>` cannot follow a layer that gives `Image<8, 12, 12>`

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<8, 12, 12>, Concat<(Conv2d<8, 8, 1>, Concat<(Identity, Conv2d<4, 8, 1>)>)>, GlobalAvgPool2d, Linear<24, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
