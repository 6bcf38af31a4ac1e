//! error: `[f32; 100]` is not one sample of a network that takes `Features<784>`

use tuplenet::{Result, prelude::*};

type Net = (Linear<784, 10>,);

/// On any engine.
pub fn predict<E: Engine<Net>>(net: &E) -> Result<[f32; 10]> {
    net.predict(&[0.5_f32; 100])
}

fn main() {}
