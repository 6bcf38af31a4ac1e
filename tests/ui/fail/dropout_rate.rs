//! error: `Dropout<100>` drops every feature: a percentage below 100 is expected

use tuplenet::prelude::*;

type Net = (Linear<4, 3>, ReLU, Dropout<100>, Linear<3, 2>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
