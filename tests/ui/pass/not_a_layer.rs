//! Every type in the tuple is a layer.

use tuplenet::prelude::*;

type Net = (Linear<784, 128>, ReLU, Linear<128, 10>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
