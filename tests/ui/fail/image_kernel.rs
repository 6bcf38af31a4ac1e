//! error: the kernel of `Conv2d<1, 6, 5>` is larger than the image before it, `Image<1, 4, 5>`

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 4, 5>, Conv2d<1, 6, 5>, ReLU, Flatten, LazyLinear<10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
