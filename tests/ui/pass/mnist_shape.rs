use tuplenet::prelude::*;

fn main() -> tuplenet::Result<()> {
    let (train, _) = Mnist::find()?.load()?;
    let mut net = Fused::<(Linear<784, 10>,)>::new(Weights::init(1))?;
    Trainer::new(Adam::default()).fit(&mut net, &train)?;
    Ok(())
}
