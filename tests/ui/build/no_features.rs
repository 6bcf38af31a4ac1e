//! error: a network takes 1 feature or more, found a width of 0

use tuplenet::prelude::*;

type Net = (Input<0>,);

fn main() {
    println!("{}", <Net as Network>::summary());
}
