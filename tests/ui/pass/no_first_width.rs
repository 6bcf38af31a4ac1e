//! The first layer has a width.

use tuplenet::prelude::*;

type Net = (Input<20>, Linear<20, 10>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
