//! error: a layer is wider than `Plan::WIDEST`

use tuplenet::prelude::*;

type Net = (Input<{ usize::MAX }>, ReLU);

fn main() {
    println!("{}", <Net as Network>::summary());
}
