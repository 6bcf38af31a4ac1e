//! A rank of a training, as the tests start it.

#![allow(clippy::unwrap_used)]

use clap::Parser;
use serde_json::json;
use tuplenet::{
    Network, Result,
    distributed::{Distributed, World},
    engine::{DataParallel, Processor, Run},
    objective::{Loss, Optimizer, Schedule},
    prelude::*,
    shape::{Features, Image},
};

#[derive(Parser)]
#[command(args_override_self = true)]
struct Options {
    #[arg(long, default_value = "mlp")]
    network: String,
    /// `fused` or `tape`
    #[arg(long, default_value = "fused")]
    engine: String,
    /// `adam` or `sgd`
    #[arg(long, default_value = "adam")]
    optimizer: String,
    #[arg(long, default_value_t = 50)]
    steps: usize,
    #[arg(long, default_value_t = 100)]
    batch: usize,
    #[arg(long, default_value_t = 1)]
    threads: usize,
    #[arg(long)]
    clip: Option<f64>,
    /// Trains without the other ranks
    #[arg(long)]
    alone: bool,
    /// Where each rank writes what it has
    #[arg(long)]
    out: std::path::PathBuf,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let world = World::init()?;
    match &options.network[..] {
        "mlp" => train::<(Linear<784, 500>, ReLU, Linear<500, 10>)>(&options, &world)?,
        "deep" => train::<(
            Linear<784, 50>,
            LayerNorm<50>,
            GELU,
            Linear<50, 40>,
            Dropout<20>,
            PReLU,
            Residual<(Linear<40, 40>, Tanh)>,
            Linear<40, 10>,
        )>(&options, &world)?,
        "lenet" => train::<tuplenet::models::LeNet>(&options, &world)?,
        "norm" => {
            train::<(Linear<784, 50>, BatchNorm1d<50>, ReLU, Linear<50, 10>)>(&options, &world)?
        }
        "norm-ends" => train::<(
            Input<784>,
            BatchNorm1d<784>,
            Linear<784, 10>,
            BatchNorm1d<10>,
        )>(&options, &world)?,
        "norm-images" => train::<(
            Image<1, 28, 28>,
            Conv2d<1, 6, 5>,
            BatchNorm2d<6>,
            ReLU,
            MaxPool2d<2>,
            Conv2d<6, 20, 3>,
            BatchNorm2d<20>,
            Tanh,
            MaxPool2d<2>,
            Flatten,
            LazyLinear<20>,
            BatchNorm1d<20>,
            GELU,
            Linear<20, 10>,
        )>(&options, &world)?,
        "resnet" => train::<tuplenet::models::ResNet8<1, 28, 28, 10>>(&options, &world)?,
        other => panic!("no network {other}"),
    }
    world.finish();
    Ok(())
}

fn train<N: Network<In: tuplenet::data::MnistShape, Output = Features<10>>>(
    options: &Options,
    world: &World,
) -> Result<()> {
    let weights = Weights::init(world.rank() as u64);
    let processor = Processor::detect().threads(options.threads);
    match &options.engine[..] {
        "fused" => train_on(options, world, Fused::<N>::on(processor, weights)?),
        "tape" => train_on(options, world, Tape::<N>::new(weights)?),
        other => panic!("no engine {other}"),
    }
}

fn train_on<N, E>(options: &Options, world: &World, engine: E) -> Result<()>
where
    N: Network<In: tuplenet::data::MnistShape, Output = Features<10>>,
    E: DataParallel<N>,
{
    match options.alone {
        true => take_steps(options, world, engine),
        false => take_steps(options, world, Distributed::new(world, engine)?),
    }
}

fn take_steps<N, E>(options: &Options, world: &World, mut net: E) -> Result<()>
where
    N: Network<In: tuplenet::data::MnistShape, Output = Features<10>>,
    E: Engine<N>,
{
    let data = Digits::new(1).dataset::<N::In>(0..2000)?;
    let optimizer: Optimizer = match &options.optimizer[..] {
        "adam" => Adam::default().into(),
        "sgd" => Sgd::default().into(),
        other => panic!("no optimiser {other}"),
    };
    let uploaded = net.upload(&data)?;
    let order: Vec<u32> = (0..options.batch * options.steps)
        .map(|at| (at * 7 % 2000) as u32)
        .collect();
    let run = Run {
        order: &order,
        batch_size: options.batch,
        optimizer: &optimizer,
        schedule: Schedule::CONSTANT,
        total_steps: 0,
        loss: Loss::CrossEntropy,
        seed: 3,
        first_step: 0,
        clip_norm: options.clip,
    };
    let mut losses = Vec::new();
    let clock = std::time::Instant::now();
    net.train(&uploaded, &run, &mut losses)?;
    let seconds = clock.elapsed().as_secs_f64();
    let weights = net.weights()?;
    let path = options.out.join(format!("{}.json", world.rank()));
    let report = json!({
        "rank": world.rank(),
        "losses": losses,
        "weights": weights.sha256(),
        "running": weights.statistics(),
        "ms_per_step": 1e3 * seconds / options.steps as f64,
    });
    std::fs::write(&path, report.to_string()).unwrap();
    Ok(())
}
