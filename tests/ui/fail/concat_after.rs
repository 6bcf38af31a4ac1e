//! error: `Linear<12, 10>` cannot follow a layer that gives `Features<13>`

use tuplenet::prelude::*;

type Net = (Concat<(Linear<8, 8>, (Linear<8, 5>, ReLU))>, Linear<12, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
