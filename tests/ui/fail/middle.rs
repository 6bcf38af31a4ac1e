//! error: `Linear<100, 64>` cannot follow a layer that gives `Features<128>`

use tuplenet::prelude::*;

type Net = (
    Input<784>,
    Linear<784, 128>,
    Linear<100, 64>,
    Linear<64, 10>,
);

fn main() {
    println!("{}", <Net as Network>::summary());
}
