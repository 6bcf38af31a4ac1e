//! error: `Digits` does not fit a network that takes `Image<1, 27, 28>` and gives `Features<10>`

use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 27, 28>, Conv2d<1, 4, 4>, ReLU, Flatten, LazyLinear<10>);

fn main() -> tuplenet::Result<()> {
    let mut net = Fused::<Net>::new(Weights::init(1))?;
    Trainer::new(Adam::default()).fit(&mut net, &Digits::new(1))?;
    Ok(())
}
