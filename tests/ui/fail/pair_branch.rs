//! error: `Embedding<9, 3>` cannot follow a layer that gives `Category<8>`

use tuplenet::{prelude::*, shape::{Category, Features, Pair}};

type Net = (Pair<Category<8>, Features<2>>, Parallel<(Embedding<9, 3>, Linear<2, 3>)>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
