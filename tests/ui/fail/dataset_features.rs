//! error: `Dataset<Features<784>, Classes<10>>` does not fit a network that takes `Features<64>` and gives `Features<10>`

use tuplenet::{Result, prelude::*, train::History, shape::Features, target::Classes};

type Net = (Linear<64, 32>, ReLU, Linear<32, 10>);

/// On any engine.
pub fn fit<E: Engine<Net>>(net: &mut E, data: &Dataset<Features<784>, Classes<10>>) -> Result<History> {
    Trainer::new(Adam::default()).fit(net, data)
}

fn main() {}
