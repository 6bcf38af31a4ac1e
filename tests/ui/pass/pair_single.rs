//! Each input of a pair has a branch.

use tuplenet::{prelude::*, shape::{Features, Pair}};

type Net = (Pair<Features<2>, Features<2>>, Parallel<(Linear<2, 2>, Linear<2, 2>)>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
