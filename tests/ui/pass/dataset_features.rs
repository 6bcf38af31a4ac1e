//! The samples have as many features as the network takes.

use tuplenet::{Result, prelude::*, train::History, shape::Features, target::Classes};

type Net = (Linear<64, 32>, ReLU, Linear<32, 10>);

/// On any engine.
pub fn fit<E: Engine<Net>>(net: &mut E, data: &Dataset<Features<64>, Classes<10>>) -> Result<History> {
    Trainer::new(Adam::default()).fit(net, data)
}

fn main() {}
