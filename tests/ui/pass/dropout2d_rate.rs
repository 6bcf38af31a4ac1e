//! A channel in a hundred is left.

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<3, 4, 4>, Dropout2d<99>, Flatten, LazyLinear<2>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
