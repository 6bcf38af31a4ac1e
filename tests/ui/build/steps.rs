//! error: a network may have at most 128 steps

use tuplenet::prelude::*;

type Eight = (ReLU, ReLU, ReLU, ReLU, ReLU, ReLU, ReLU, ReLU);
type Sixteen = (Eight, Eight);
type All = (Sixteen, Sixteen, Sixteen, Sixteen, Sixteen, Sixteen, Sixteen, Sixteen);
type Net = (Input<4>, All, ReLU);

fn main() {
    println!("{}", <Net as Network>::summary());
}
