//! A dot product is of vectors of the same width.

use tuplenet::{layers::Dot, prelude::*};

type Net = (Parallel<(Embedding<9, 3>, Linear<2, 3>), Dot>,);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
