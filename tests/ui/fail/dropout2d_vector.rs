//! error: `Dropout2d<20>` drops channels of images, and cannot follow a layer that gives `Features<3>`

use tuplenet::prelude::*;

type Net = (Linear<4, 3>, ReLU, Dropout2d<20>, Linear<3, 2>);

fn main() {
    println!("{}", <Net as Network>::summary());
}
