//! error: `Dataset<Features<64>, Classes<26>>` does not fit a network that takes `Features<64>` and gives `Features<10>`

use tuplenet::{Result, metrics::Evaluation, prelude::*, shape::Features, target::Classes};

type Net = (Linear<64, 32>, ReLU, Linear<32, 10>);

/// On any engine.
pub fn evaluate<E: Engine<Net>>(net: &E, data: &Dataset<Features<64>, Classes<26>>) -> Result<Evaluation> {
    net.evaluate(data)
}

fn main() {}
