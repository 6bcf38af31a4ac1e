//! The array is as long as the network's input is wide.

use tuplenet::{Result, prelude::*};

type Net = (Linear<784, 10>,);

/// On any engine.
pub fn predict<E: Engine<Net>>(net: &E) -> Result<[f32; 10]> {
    net.predict(&[0.5_f32; 784])
}

fn main() {}
