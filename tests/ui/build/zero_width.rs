//! error: a layer has widths of 1 or more, found a width of 0

use tuplenet::prelude::*;

type Net = (Linear<4, 0>, ReLU, Linear<0, 2>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
