//! error: `Token<8>` is not one sample of a network that takes `Category<9>`

use tuplenet::{Result, prelude::*, token::Token};

type Net = (Embedding<9, 2>,);

/// On any engine.
pub fn predict<E: Engine<Net>>(net: &E) -> Result<[f32; 2]> {
    net.predict(&Token::<8>::PADDING)
}

fn main() {}
