//! error: only `Tape` runs networks that take `Image<1, 28, 28>`

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 28, 28>, Conv2d<1, 6, 5>, Flatten, LazyLinear<10>);

fn main() {
    let _ = Fused::<Net>::new(Weights::init(1));
}
