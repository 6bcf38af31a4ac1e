//! The first pair of layers meets.

use tuplenet::prelude::*;

type Net = (Linear<784, 128>, Linear<128, 64>, Linear<64, 10>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
