//! The token is of the vocabulary of the network.

use tuplenet::{Result, prelude::*, token::Token};

type Net = (Embedding<9, 2>,);

/// On any engine.
pub fn predict<E: Engine<Net>>(net: &E) -> Result<[f32; 2]> {
    net.predict(&Token::<9>::PADDING)
}

fn main() {}
