//! error: `Dropout2d<100>` drops every channel: a percentage below 100 is expected

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<3, 4, 4>, Dropout2d<100>, Flatten, LazyLinear<2>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
