//! The loss takes the targets of the data set.

use tuplenet::{Result, prelude::*, train::History, shape::Features, target};

type Net = (Linear<30, 8>, ReLU, Linear<8, 2>);

/// On any engine.
pub fn fit<E: Engine<Net>>(net: &mut E, data: &Dataset<Features<30>, target::MultiLabel<2>>) -> Result<History> {
    Trainer::new(Adam::default()).loss(BinaryCrossEntropy).fit(net, data)
}

fn main() {}
