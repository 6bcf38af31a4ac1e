//! error: `Dot` does not join branches that give `Features<3>` and `Features<4>`

use tuplenet::{layers::Dot, prelude::*};

type Net = (Parallel<(Embedding<9, 3>, Linear<2, 4>), Dot>,);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
