//! The labels have as many classes as the network gives.

use tuplenet::{Result, metrics::Evaluation, prelude::*, shape::Features, target::Classes};

type Net = (Linear<64, 32>, ReLU, Linear<32, 10>);

/// On any engine.
pub fn evaluate<E: Engine<Net>>(net: &E, data: &Dataset<Features<64>, Classes<10>>) -> Result<Evaluation> {
    net.evaluate(data)
}

fn main() {}
