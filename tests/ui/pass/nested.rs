//! The layers inside the nested tuple meet.

use tuplenet::prelude::*;

type Net = (Linear<784, 128>, (ReLU, Linear<128, 64>), Linear<64, 10>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
