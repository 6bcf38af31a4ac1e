//! Reproduces the published error rate of a network with one hidden layer of 800 on MNIST: 0.7 %, with elastic distortion.
//!
//! ```text
//! cargo run --release --example best                    # three seeds; exit code 1 if one is above 0.70 %
//! cargo run --release --example best -- --seeds 1 --epochs 20
//! cargo run --release --example best -- --hold-back     # how the hyperparameters were chosen
//! ```
//!
//! P. Simard, D. Steinkraus, J. Platt, "Best practices for convolutional neural networks applied to visual
//! document analysis", ICDAR 2003: 784-800-10, cross-entropy, elastic distortion, 0.7 % error rate on the test set.
//! Each seed evaluates on the test set once, after its training. The hyperparameters were chosen with `--hold-back`,
//! which trains on the first 50,000 training images and evaluates on the last 10,000: eleven runs of one seed with 40 or
//! 80 epochs, then two of 150.

#[macro_use]
#[path = "mnist/output.rs"]
mod output;

#[path = "mnist/engine.rs"]
mod engine;
#[path = "mnist/exit.rs"]
mod exit;

use std::{fmt, fs, ops::ControlFlow, path::PathBuf, process::ExitCode, time::Instant};

use clap::{Parser, value_parser};
use indicatif::ProgressBar;
use serde_json::json;
use tuplenet::{
    Error, Result,
    data::{Augmented, Distortion, FeatureValues, Targets},
    models::MnistClassifier,
    prelude::*,
    shape::Features,
    target::Classes,
    weights::Init,
};

use engine::{Choice, EngineOptions};

type Net = MnistClassifier<800>;

/// The test error rate of Simard, Steinkraus and Platt's network.
const PUBLISHED: f64 = 0.007;
/// Training images that `--hold-back` evaluates on.
const HELD_BACK: usize = 10_000;

/// Trains 784-800-10 on augmented images to the published error rate on MNIST's test set.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    engine: EngineOptions,
    /// Number of seeds to run
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed; it determines initial weights, sample order and distortions
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// Number of passes over the training images, each with new distortions
    #[arg(long, default_value_t = 150)]
    epochs: usize,
    /// Batch size
    #[arg(long, default_value_t = 100)]
    batch: usize,
    /// Peak of the learning rate
    #[arg(long, default_value_t = 0.001)]
    lr: f64,
    /// Fraction of the steps in which the learning rate rises
    #[arg(long, default_value_t = 0.1)]
    warm_up: f64,
    /// Decoupled weight decay
    #[arg(long, default_value_t = 0.0)]
    weight_decay: f64,
    /// Largest rotation, in degrees
    #[arg(long, default_value_t = 10.0)]
    rotation: f32,
    /// Largest shear
    #[arg(long, default_value_t = 0.15)]
    shear: f32,
    /// Largest relative change of size
    #[arg(long, default_value_t = 0.15)]
    scale: f32,
    /// Largest shift, in pixels
    #[arg(long, default_value_t = 0.0)]
    shift: f32,
    /// Factor of the elastic displacement, in pixels
    #[arg(long, default_value_t = 36.0)]
    alpha: f32,
    /// Standard deviation of its Gaussian smoothing, in pixels
    #[arg(long, default_value_t = 6.0)]
    sigma: f32,
    /// Greys up to this value are set to 0; at 32 the number of non-zero pixels is as in the originals
    #[arg(long, default_value_t = 32)]
    faint: u8,
    /// Train on the first 50,000 training images and evaluate on the last 10,000 instead of the test set
    #[arg(long)]
    hold_back: bool,
    /// Folder with MNIST's four files
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    fn distortion(&self) -> Distortion {
        Distortion {
            rotation_degrees: self.rotation,
            shear: self.shear,
            scale: self.scale,
            shift_pixels: self.shift,
            elastic_alpha: self.alpha,
            elastic_sigma: self.sigma,
            faint_grey: self.faint,
        }
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "784-800-10, Kaiming uniform initialisation, {} epochs, batch {}, AdamW with weight decay {}, one cycle to {} \
            with warm-up {}\n{:?}",
            self.epochs,
            self.batch,
            self.weight_decay,
            self.lr,
            self.warm_up,
            self.distortion()
        )
    }
}

fn main() -> ExitCode {
    exit::code(run(&Options::parse()))
}

/// Whether every seed reached the published error rate.
fn run(options: &Options) -> Result<bool> {
    match options.engine.choose()? {
        Choice::Fused(processor) => every_seed(options, |weights| Fused::on(processor, weights)),
        #[cfg(feature = "dfdx")]
        Choice::Tape => every_seed(options, Tape::new),
        #[cfg(feature = "cuda")]
        Choice::TapeOnCuda(number) => every_seed(options, |weights| Tape::cuda(number, weights)),
    }
}

/// Trains and evaluates a network for each seed, on the engine created by `make`.
fn every_seed<E: Engine<Net>>(
    options: &Options,
    make: impl Fn(Weights<Net>) -> Result<E>,
) -> Result<bool> {
    let net = make(Weights::zeros())?;
    println!("engine {} on {}", net.name(), net.device());
    drop(net);
    let mnist = options
        .data
        .as_ref()
        .map_or_else(Mnist::find, Mnist::in_folder)?;
    let (mut train, mut test) = mnist.load()?;
    let mut tested_on = "MNIST's test set";
    if options.hold_back {
        (train, test) = held_back(&train)?;
        tested_on = "the last 10,000 training images, held back";
    }
    println!("{options}\nevaluated on {tested_on}");

    let mut results = Vec::new();
    let mut reached = true;
    for seed in (0..options.seeds).map(|nth| options.first_seed.wrapping_add(nth)) {
        if output::failure().is_some() && options.json.is_none() {
            return Ok(false); // nobody reads the results
        }
        let started = Instant::now();
        let data = Augmented::new(train.clone(), [28, 28], options.distortion(), seed)?;
        let mut net = make(Weights::init_with(Init::KaimingUniform, seed))?;
        let adamw = AdamW {
            learning_rate: options.lr,
            weight_decay: options.weight_decay,
            ..AdamW::default()
        };
        let schedule = OneCycle {
            warm_up: options.warm_up,
            ..OneCycle::default()
        };
        let bar = ProgressBar::new(options.epochs as u64);
        let history = Trainer::new(adamw)
            .schedule(schedule)
            .epochs(options.epochs)
            .batch(options.batch)
            .seed(seed)
            .on_epoch(|_| {
                bar.inc(1);
                ControlFlow::Continue(())
            })
            .fit(&mut net, &data)?;
        bar.finish_and_clear();
        let seconds = started.elapsed().as_secs_f64();

        let evaluation = net.evaluate(&test)?;
        let right = evaluation.accuracy() * test.len() as f64;
        let misclassified = test.len() - right.round() as usize;
        let error = misclassified as f64 / test.len() as f64;
        reached &= error <= PUBLISHED;
        println!(
            "seed {seed:>3}  {:.2} % misclassified ({misclassified})  {seconds:.1} s, of which steps {:.1}; last train loss {:.4}",
            error * 100.0,
            history.train_seconds(),
            history
                .epochs
                .last()
                .map_or(f64::NAN, |epoch| epoch.train_loss),
        );
        results.push(json!({
            "seed": seed, "error": error, "misclassified": misclassified, "seconds": seconds,
            "step_seconds": history.train_seconds(),
        }));
    }
    if !reached {
        println!("a seed is above the published {:.2} %", PUBLISHED * 100.0);
    }
    if let Some(path) = &options.json {
        let summary = json!({
            "published_error": PUBLISHED, "tested_on": tested_on, "epochs": options.epochs, "batch": options.batch,
            "seeds": results,
        });
        fs::write(path, format!("{summary:#}\n")).map_err(|source| Error::Io {
            path: path.clone(),
            action: "write",
            source,
            remedy: "name a file in a folder that exists",
        })?;
    }
    Ok(reached)
}

/// The training images except the last [`HELD_BACK`], and those.
fn held_back(
    train: &Dataset<Features<784>, Classes<10>>,
) -> Result<(
    Dataset<Features<784>, Classes<10>>,
    Dataset<Features<784>, Classes<10>>,
)> {
    let (FeatureValues::Bytes { bytes, scale }, Targets::Labels(labels)) =
        (train.features(), train.targets())
    else {
        return Err(Error::Setting {
            setting: "hold back",
            expected: "images of bytes with labels".to_owned(),
            found: "other samples".to_owned(),
        });
    };
    let at = train.len().saturating_sub(HELD_BACK);
    let ((early, late), (first, last)) = (bytes.split_at(at * 784), labels.split_at(at));
    Ok((
        Dataset::from_bytes(early.to_vec(), *scale, first.to_vec())?,
        Dataset::from_bytes(late.to_vec(), *scale, last.to_vec())?,
    ))
}
