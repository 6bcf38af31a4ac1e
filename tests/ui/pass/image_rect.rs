//! A kernel has at most as many rows and columns as its image.

use tuplenet::{
    layers::{Kernel, RectConv2d},
    prelude::*,
    shape::Image,
};

type Net = (Image<1, 5, 7>, RectConv2d<1, 6, Kernel<2, 7>>, Flatten, LazyLinear<10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
