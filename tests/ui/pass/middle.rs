//! The pair of layers in the middle meets.

use tuplenet::prelude::*;

type Net = (
    Input<784>,
    Linear<784, 128>,
    Linear<128, 64>,
    Linear<64, 10>,
);

fn main() {
    println!("{}", <Net as Network>::summary());
}
