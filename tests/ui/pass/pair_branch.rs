//! Each branch takes its own input.

use tuplenet::{prelude::*, shape::{Category, Features, Pair}};

type Net = (Pair<Category<9>, Features<2>>, Parallel<(Embedding<9, 3>, Linear<2, 3>)>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
