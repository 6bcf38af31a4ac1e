//! error: `String` cannot follow a layer that gives `Features<128>`

use tuplenet::prelude::*;

type Net = (Linear<784, 128>, String, Linear<128, 10>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
