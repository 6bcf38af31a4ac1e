//! One rank of a training by several processes, as the tests have `mpirun` start it.

#![allow(clippy::expect_used)]

mod fit;
mod old_version;
mod options;
mod steps;

use std::{
    fs,
    process::{ExitCode, id},
};

use clap::Parser;
use serde_json::Value;
use tuplenet::{
    Error, Network, Result,
    data::MnistShape,
    distributed::{Distributed, World},
    engine::{DataParallel, Processor, Simd},
    models::{LeNet, ResNet8},
    prelude::*,
    shape::{Features, Image},
};

use options::{Differs, Options};

type Mlp = (Linear<784, 500>, ReLU, Linear<500, 10>);
type Small = (Linear<784, 20>, Tanh, Linear<20, 10>);
type Norm = (Linear<784, 50>, BatchNorm1d<50>, ReLU, Linear<50, 10>);
type NormEnds = (
    Input<784>,
    BatchNorm1d<784>,
    Linear<784, 10>,
    BatchNorm1d<10>,
);
type NormImages = (
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
);
/// Layers whose gradients are stored in other phases than a `Linear`'s.
type Deep = (
    Linear<784, 50>,
    LayerNorm<50>,
    GELU,
    Linear<50, 40>,
    Dropout<20>,
    PReLU,
    Residual<(Linear<40, 40>, Tanh)>,
    Linear<40, 10>,
);

fn main() -> ExitCode {
    let options = Options::parse();
    if options.differs_by(Differs::Version) {
        return old_version::run();
    }
    let mut rank = 0;
    let result = World::init().and_then(|world| {
        rank = world.rank();
        let result = run(&options, &world);
        if matches!(result, Ok(()) | Err(Error::Rank { .. })) {
            world.finish();
        }
        result
    });
    match result {
        Ok(()) => return ExitCode::SUCCESS,
        // that rank prints it
        Err(Error::Rank { .. }) => {}
        Err(error) => eprintln!("error: rank {rank}: {error}"),
    }
    ExitCode::FAILURE
}

fn run(options: &Options, world: &World) -> Result<()> {
    match &options.network()[..] {
        "mlp" => train::<Mlp>(options, world),
        "small" => train::<Small>(options, world),
        "deep" => train::<Deep>(options, world),
        "lenet" => train::<LeNet>(options, world),
        "norm" => train::<Norm>(options, world),
        "norm-ends" => train::<NormEnds>(options, world),
        "norm-images" => train::<NormImages>(options, world),
        "resnet" => train::<ResNet8<1, 28, 28, 10>>(options, world),
        other => panic!("no network {other}"),
    }
}

fn train<N>(options: &Options, world: &World) -> Result<()>
where
    N: Network<In: MnistShape, Output = Features<10>>,
{
    let mut processor = Processor::detect().threads(options.threads);
    if options.differs_by(Differs::Simd) {
        processor = processor.simd(Simd::Scalar);
    }
    // only those of rank 0 count
    let weights = Weights::init(world.rank() as u64 + 1);
    match &options.engine[..] {
        "fused" => train_on(options, world, Fused::<N>::on(processor, weights)?),
        "tape" => train_on(options, world, Tape::<N>::new(weights)?),
        other => panic!("no engine {other}"),
    }
}

fn train_on<N, E>(options: &Options, world: &World, mut engine: E) -> Result<()>
where
    N: Network<In: MnistShape, Output = Features<10>>,
    E: DataParallel<N>,
{
    if options.alone {
        write(options, world, &steps::run(options, &mut engine)?);
        return Ok(());
    }
    let process = options.out.join(format!("{}.pid", world.rank()));
    fs::write(process, id().to_string()).expect("the test's folder is writable");
    let mut net = Distributed::new(world, engine)?.compression(options.compression())?;
    if let Some(local_steps) = options.local_steps() {
        net = net.local_steps(local_steps)?;
    }
    let mut report = match options.epochs {
        None => steps::run(options, &mut net)?,
        Some(epochs) => fit::run(options, &mut net, epochs, world)?,
    };
    report["waited_seconds"] = net.waited().as_secs_f64().into();
    write(options, world, &report);
    Ok(())
}

fn write(options: &Options, world: &World, report: &Value) {
    let path = options.out.join(format!("{}.json", world.rank()));
    fs::write(path, report.to_string()).expect("the test's folder is writable");
}
