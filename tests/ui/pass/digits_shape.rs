use tuplenet::{prelude::*, shape::Image};

type Net = (Image<1, 28, 28>, Conv2d<1, 4, 4>, ReLU, Flatten, LazyLinear<10>);

fn main() -> tuplenet::Result<()> {
    let mut net = Fused::<Net>::new(Weights::init(1))?;
    Trainer::new(Adam::default()).fit(&mut net, &Digits::new(1))?;
    Ok(())
}
