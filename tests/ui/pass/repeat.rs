//! The repeated layers keep the width.

use tuplenet::prelude::*;

type Net = (Linear<784, 64>, Repeat<3, (ReLU, Linear<64, 64>)>, Linear<64, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
