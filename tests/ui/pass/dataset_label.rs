//! The data set has the labels of the network.

use tuplenet::{Result, prelude::*, shape::Features, train::History};

tuplenet::classes! {
    pub enum Answer { No, Yes }
}
tuplenet::classes! {
    pub enum Weather { Rain, Sun }
}

type Net = (Linear<8, 2>, Logits<Answer>);

pub fn train(net: &mut Fused<Net>, data: &Dataset<Features<8>, Answer>) -> Result<History> {
    Trainer::new(Sgd::default()).fit(net, data)
}

fn main() {}
