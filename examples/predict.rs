//! Classifies a digit with the weights saved by the example `mnist`, or without them with an embedded model.
//!
//! ```text
//! cargo run --release --example predict -- --image digit.png
//! cargo run --release --example predict -- --index 7
//! ```

#[macro_use]
#[path = "mnist/output.rs"]
mod output;
#[macro_use]
#[path = "mnist/network.rs"]
mod network;

#[path = "mnist/digit.rs"]
mod digit;
#[path = "mnist/engine.rs"]
mod engine;
#[path = "mnist/exit.rs"]
mod exit;
#[path = "mnist/saved.rs"]
mod saved;
#[path = "mnist/scan.rs"]
mod scan;
#[path = "mnist/test_set.rs"]
mod test_set;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use tuplenet::{
    Error, Result,
    metrics::argmax,
    models::MnistClassifier,
    prelude::*,
    shape::{Features, Shape},
};

use engine::{Choice, Device, EngineOptions};
use network::DigitNetwork;
use saved::SAVED;

/// Classifies a handwritten digit in an image or in MNIST's test set.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    engine: EngineOptions,
    /// Weights of a network that the example mnist trains; default target/mnist.safetensors, or if it does not exist,
    /// the embedded model (784-32-10, without an engine)
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// A PNG of one digit, any size, grey or colour, dark on light or light on dark
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "index",
        conflicts_with = "index"
    )]
    image: Option<PathBuf>,
    /// Index of an image in MNIST's test set, from 0; of a built-in digit if MNIST is not found
    #[arg(long)]
    index: Option<usize>,
    /// Folder with MNIST's four files
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

tuplenet::frozen! {
    /// Trained only on built-in digits: `mnist --built-in --hidden 32 --epochs 100`.
    static DIGITS: MnistClassifier<32> = "digits.safetensors";
}

fn main() -> ExitCode {
    exit::code(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<()> {
    let engine = options
        .engine
        .choose(tuplenet::engine::Processor::detect())?;
    let (pixels, label) = match (&options.image, options.index) {
        (Some(path), _) => (scan::read(path)?, None),
        (None, index) => from_test_set(options.data.as_deref(), index.unwrap_or(0))?,
    };
    let logits = match saved::find(options.weights.as_deref()) {
        Some(path) => {
            println!("weights {}", path.display());
            with_network!(saved::network(&path)?, from_file(engine, &path, &pixels))?
        }
        None => {
            if let Device::Cuda(_) = options.engine.device {
                return Err(Error::Setting {
                    setting: "device",
                    expected: format!("cpu for the embedded model, as there is no {SAVED} yet"),
                    found: options.engine.device.to_string(),
                });
            }
            println!(
                "no {SAVED} yet: using the embedded model, 784-32-10, trained on built-in digits"
            );
            DIGITS.predict(&pixels)
        }
    };

    println!("{}", digit::draw(&pixels));
    let probabilities = softmax(&logits);
    let best = argmax(&logits);
    for (class, probability) in probabilities.iter().enumerate() {
        let bar = "█".repeat((probability * 40.0).round() as usize);
        println!("{class}  {:>6.2} %  {bar}", probability * 100.0);
    }
    println!(
        "classified as {best}{}",
        label
            .map(|label| format!(", is a {label}"))
            .unwrap_or_default()
    );
    Ok(())
}

/// The logits of the network `N` with the weights of a file, on the chosen engine.
fn from_file<N: DigitNetwork>(
    engine: Choice,
    path: &Path,
    pixels: &[f32; 784],
) -> Result<[f32; 10]> {
    let mut sample = N::In::zeros();
    N::In::values_mut(&mut sample).copy_from_slice(pixels);
    let weights = Weights::<N>::load(path)?;
    match engine {
        Choice::Fused(processor) => logits(&Fused::on(processor, weights)?, &sample),
        #[cfg(feature = "dfdx")]
        Choice::Tape => logits(&Tape::new(weights)?, &sample),
        #[cfg(feature = "cuda")]
        Choice::TapeOnCuda(number) => logits(&Tape::cuda(number, weights)?, &sample),
        #[cfg(feature = "cuda")]
        Choice::FusedOnCuda(number) => logits(&FusedCuda::new(number, weights)?, &sample),
    }
}

fn logits<N: DigitNetwork>(
    net: &impl Engine<N>,
    sample: &<N::In as Shape>::Array,
) -> Result<[f32; 10]> {
    println!("engine {} on {}", net.name(), net.device());
    net.predict(sample)
}

/// `exp(logits) / sum exp(logits)`; subtracts the maximum so that `exp` stays finite.
fn softmax(logits: &[f32; 10]) -> [f32; 10] {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exp = logits.map(|logit| (logit - max).exp());
    let sum: f32 = exp.iter().sum();
    exp.map(|e| e / sum)
}

fn from_test_set(folder: Option<&Path>, index: usize) -> Result<([f32; 784], Option<usize>)> {
    let test = test_set::load::<Features<784>>(folder)?;
    Ok((test_set::pixels(&test, index)?, test.label(index)))
}
