//! error: `Dropout<20>` does not fix its input width, so it cannot come first in a network

use tuplenet::prelude::*;

type Net = (Dropout<20>, Linear<20, 10>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
