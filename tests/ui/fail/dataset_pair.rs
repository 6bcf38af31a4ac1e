//! error: `Dataset<Pair<Category<8>, Features<2>>, Values<1>>` does not fit a network that takes `Pair<Category<9>, Features<2>>` and gives `Features<1>`

use tuplenet::{Result, prelude::*, shape::{Category, Features, Pair}, target::Values, train::History};

type Net = (Parallel<(Embedding<9, 3>, Linear<2, 1>)>, Linear<4, 1>);

/// On any engine.
pub fn fit<E: Engine<Net>>(net: &mut E, data: &Dataset<Pair<Category<8>, Features<2>>, Values<1>>) -> Result<History> {
    Trainer::new(Adam::default()).loss(MeanSquaredError).fit(net, data)
}

fn main() {}
