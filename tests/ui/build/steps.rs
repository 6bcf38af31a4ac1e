//! error: a network may have at most 64 steps

use tuplenet::prelude::*;

type Eight = (ReLU, ReLU, ReLU, ReLU, ReLU, ReLU, ReLU, ReLU);
type All = (Eight, Eight, Eight, Eight, Eight, Eight, Eight, Eight);
type Net = (Input<4>, All, ReLU);

fn main() {
    println!("{}", <Net as Network>::summary());
}
