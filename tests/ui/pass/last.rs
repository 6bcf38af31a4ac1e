//! The last pair of layers meets.

use tuplenet::prelude::*;

type Net = (Linear<784, 64>, Linear<64, 64>, Linear<64, 10>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
