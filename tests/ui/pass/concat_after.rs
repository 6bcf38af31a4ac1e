//! As many features as all branches give.

use tuplenet::prelude::*;

type Net = (Concat<(Linear<8, 8>, (Linear<8, 5>, ReLU))>, Linear<13, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
