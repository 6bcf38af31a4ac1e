//! A training that can be killed at any moment: it resumes when run again, with a bit-identical result.
//!
//! ```text
//! cargo run --release --example resume -- --folder target/resume   # kill it, and run it again
//! ```
//!
//! `mnist` does the same with `--checkpoint DIR --resume`; this is a minimal program.

#[macro_use]
#[path = "mnist/output.rs"]
mod output;

#[path = "mnist/engine.rs"]
mod engine;
#[path = "mnist/exit.rs"]
mod exit;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use tuplenet::{Result, models::MnistClassifier, prelude::*};

use engine::{Choice, EngineOptions};

type Net = MnistClassifier<32>;

/// Trains 784-32-10 on 2000 built-in digits, with a checkpoint after every step.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    engine: EngineOptions,
    /// Folder for the checkpoints
    #[arg(long, value_name = "DIR", default_value = "target/resume")]
    folder: PathBuf,
    /// Number of passes over the digits
    #[arg(long, default_value_t = 30)]
    epochs: usize,
}

fn main() -> ExitCode {
    exit::code(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<()> {
    let weights = Weights::<Net>::init(1);
    match options
        .engine
        .choose(tuplenet::engine::Processor::detect())?
    {
        Choice::Fused(processor) => train(Fused::on(processor, weights)?, options),
        #[cfg(feature = "dfdx")]
        Choice::Tape => train(Tape::new(weights)?, options),
        #[cfg(feature = "cuda")]
        Choice::TapeOnCuda(number) => train(Tape::cuda(number, weights)?, options),
        #[cfg(feature = "cuda")]
        Choice::FusedOnCuda(number) => train(FusedCuda::new(number, weights)?, options),
    }
}

fn train(mut net: impl Engine<Net>, options: &Options) -> Result<()> {
    let digits = Digits::new(1).dataset(0..2000)?;
    match Checkpoints::newest(&options.folder)? {
        Some(newest) => println!("resuming from {}", newest.display()),
        None => println!("no checkpoint yet: starting a new training"),
    }
    let checkpoints = Checkpoints::in_folder(&options.folder)
        .every(Duration::ZERO)
        .keep(3)
        .resume(true);
    let history = Trainer::new(Adam::default())
        .epochs(options.epochs)
        .batch(100)
        .seed(1)
        .validation(200)
        .early_stopping(EarlyStopping {
            patience: options.epochs,
            ..EarlyStopping::default()
        })
        .checkpoints(checkpoints)
        .fit(&mut net, &digits)?;
    println!("{history}\nweights {}", net.weights()?.sha256());
    Ok(())
}
