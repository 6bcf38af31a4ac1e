//! error: `Dataset<64, 26>` does not fit a network that takes `Features<64>` and gives `Features<10>`

use tuplenet::{Result, metrics::Evaluation, prelude::*};

type Net = (Linear<64, 32>, ReLU, Linear<32, 10>);

/// On any engine.
pub fn evaluate<E: Engine<Net>>(net: &E, data: &Dataset<64, 26>) -> Result<Evaluation> {
    net.evaluate(data)
}

fn main() {}
