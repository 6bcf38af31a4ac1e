//! error: `Linear<100, 10>` cannot follow a layer that gives `Features<64>`

use tuplenet::prelude::*;

type Net = (Linear<784, 64>, Linear<64, 64>, Linear<100, 10>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
