//! error: MNIST and the built-in digits have no samples of shape `Features<100>`

use tuplenet::prelude::*;

fn main() -> tuplenet::Result<()> {
    let (train, _) = Mnist::find()?.load()?;
    let mut net = Fused::<(Linear<100, 10>,)>::new(Weights::init(1))?;
    Trainer::new(Adam::default()).fit(&mut net, &train)?;
    Ok(())
}
