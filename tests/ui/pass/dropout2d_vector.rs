//! Of features.

use tuplenet::prelude::*;

type Net = (Linear<4, 3>, ReLU, Dropout<20>, Linear<3, 2>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
