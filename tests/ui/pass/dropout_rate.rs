//! A feature in a hundred is left.

use tuplenet::prelude::*;

type Net = (Linear<4, 3>, ReLU, Dropout<99>, Linear<3, 2>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
