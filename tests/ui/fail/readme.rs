//! error: `Linear<100, 10>` cannot follow a layer that gives `Features<128>`

use tuplenet::prelude::*;

type Net = (Linear<784, 128>, ReLU, Linear<100, 10>);

fn main() -> tuplenet::Result<()> {
    let (train, test) = Mnist::find()?.load()?;
    let mut net = Fused::<Net>::new(Weights::init(1))?;
    let history = Trainer::new(Adam::default())
        .epochs(5)
        .batch(100)
        .seed(1)
        .fit(&mut net, &train)?;
    println!("{}\n{}", history, net.evaluate(&test)?);
    net.weights()?.save("digits.safetensors")?;
    Ok(())
}
