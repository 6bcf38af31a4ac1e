//! error: `Standardize` is the first layer of a network or of a branch of a `Parallel`, and no branch goes around it

use tuplenet::prelude::*;

type Net = (Linear<4, 4>, Standardize<4>, Linear<4, 2>);

fn main() {
    println!("{}", Net::summary());
}
