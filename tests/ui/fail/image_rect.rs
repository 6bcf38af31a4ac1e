//! error: the kernel of `RectConv2d<1, 6, Kernel<2, 7>>` is larger than the image before it, `Image<1, 5, 6>`

use tuplenet::{
    layers::{Kernel, RectConv2d},
    prelude::*,
    shape::Image,
};

type Net = (Image<1, 5, 6>, RectConv2d<1, 6, Kernel<2, 7>>, Flatten, LazyLinear<10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
