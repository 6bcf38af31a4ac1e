//! One array for each row.

use tuplenet::{Result, prelude::*, shape::Image};

type Net = (Image<1, 28, 28>, Conv2d<1, 6, 5>, Flatten, LazyLinear<10>);

/// On any engine.
pub fn predict<E: Engine<Net>>(net: &E) -> Result<[f32; 10]> {
    net.predict(&[[0.5_f32; 28]; 28])
}

fn main() {}
