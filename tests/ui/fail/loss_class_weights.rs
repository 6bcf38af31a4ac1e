//! error: the loss `WeightedCrossEntropy<2>` does not take the targets `Classes<3>`

use tuplenet::{Result, prelude::*, train::History, shape::Features, target};

type Net = (Linear<30, 8>, ReLU, Linear<8, 3>);

/// On any engine.
pub fn fit<E: Engine<Net>>(net: &mut E, data: &Dataset<Features<30>, target::Classes<3>>) -> Result<History> {
    Trainer::new(Adam::default()).loss(WeightedCrossEntropy { weights: [1.0; 2], smoothing: 0.0 }).fit(net, data)
}

fn main() {}
