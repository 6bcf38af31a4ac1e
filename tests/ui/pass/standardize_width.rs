//! It standardises as many features as the next layer takes.

use tuplenet::prelude::*;

type Net = (Standardize<30>, Linear<30, 2>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
