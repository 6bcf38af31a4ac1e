//! error: a layer that takes `Features<64>` and gives `Features<32>` cannot be repeated

use tuplenet::prelude::*;

type Net = (Linear<784, 64>, Repeat<3, (ReLU, Linear<64, 32>)>, Linear<64, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
