//! error: `Linear<2, 2>` cannot follow a layer that gives `Pair<Features<2>, Features<2>>`

use tuplenet::{prelude::*, shape::{Features, Pair}};

type Net = (Pair<Features<2>, Features<2>>, Concat<(Linear<2, 2>, Linear<2, 2>)>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
