//! Steps without a trainer.

use std::time::Instant;

use serde_json::{Value, json};
use tuplenet::{
    Network, Result,
    data::MnistShape,
    engine::Run,
    objective::{Loss, Schedule},
    prelude::*,
    shape::Features,
};

use crate::options::{Differs, Options};

const SAMPLES: usize = 2000;

pub fn run<N, E>(options: &Options, net: &mut E) -> Result<Value>
where
    N: Network<In: MnistShape, Output = Features<10>>,
    E: Engine<N>,
{
    let seed = if options.differs_by(Differs::Data) {
        2
    } else {
        1
    };
    let data = net.upload(&Digits::new(seed).dataset::<N::In>(0..SAMPLES as u64)?)?;
    let order = (0..options.batch * options.steps).map(|at| (at * 7 % SAMPLES) as u32);
    let order: Vec<u32> = order.collect();
    let run = Run {
        order: &order,
        batch_size: options.batch,
        optimizer: &options.optimizer(),
        schedule: Schedule::CONSTANT,
        total_steps: 0,
        loss: Loss::CrossEntropy,
        seed: 3,
        first_step: 0,
        clip_norm: options.clip,
    };
    let mut losses = Vec::new();
    let clock = Instant::now();
    net.train(&data, &run, &mut losses)?;
    let seconds = clock.elapsed().as_secs_f64();
    let weights = net.weights()?;
    Ok(json!({
        "losses": losses,
        "weights": weights.sha256(),
        "running": weights.statistics(),
        "seconds": seconds,
        "logits": net.logits(&data, &[3, 1, 4, 1, 5])?,
    }))
}
