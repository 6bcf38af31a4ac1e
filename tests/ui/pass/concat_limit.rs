//! 512 features.

use tuplenet::prelude::*;

type Net = (Input<64>, Concat<(Linear<64, 384>, Identity, Linear<64, 64>)>, Linear<512, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
