//! error: a network has more parameters than memory can hold

use tuplenet::prelude::*;

type Net = (Linear<4_000_000_000, 4_000_000_000>,);

fn main() {
    println!("{}", <Net as Network>::summary());
}
