//! error: `Linear<30, 2>` cannot follow a layer that gives `Features<31>`

use tuplenet::prelude::*;

type Net = (Standardize<31>, Linear<30, 2>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
