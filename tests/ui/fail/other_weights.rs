//! error: `Weights<(Linear<784, 26>,)>` are the weights of another network than `(Linear<784, 10>,)`

use tuplenet::prelude::*;

type Net = (Linear<784, 10>,);
type Trained = (Linear<784, 26>,);

fn main() -> tuplenet::Result<()> {
    Tape::<Net>::new(Weights::<Trained>::init(1))?;
    Ok(())
}
