//! The weights are those of the network.

use tuplenet::prelude::*;

type Net = (Linear<784, 10>,);
type Trained = (Linear<784, 10>,);

fn main() -> tuplenet::Result<()> {
    Tape::<Net>::new(Weights::<Trained>::init(1))?;
    Ok(())
}
