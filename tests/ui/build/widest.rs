//! error: a layer is wider than `Plan::MAX_WIDTH`

use tuplenet::prelude::*;

type Net = (Input<{ usize::MAX }>, ReLU);

fn main() {
    println!("{}", <Net as Network>::summary());
}
