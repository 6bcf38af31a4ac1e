//! Reproduces published error rates on MNIST with elastic distortion: 0.7 % for a network with one hidden layer of 800,
//! 0.4 % for one with convolutions.
//!
//! ```text
//! cargo run --release --example best                    # three seeds; exit code 1 if one is above 0.70 %
//! cargo run --release --example best -- --network conv  # convolutions; exit code 1 if one is above 0.40 %
//! cargo run --release --example best -- --seeds 1 --epochs 20
//! cargo run --release --example best -- --hold-back     # how the hyperparameters were chosen
//! ```
//!
//! P. Simard, D. Steinkraus, J. Platt, "Best practices for convolutional neural networks applied to visual
//! document analysis", ICDAR 2003: cross-entropy, elastic distortion, and error rates on the test set of 0.7 % for
//! 784-800-10, 0.4 % for two convolutions of 5 and 50 features and a hidden layer of 100.
//! Each seed evaluates on the test set once, after its training. The hyperparameters were chosen with `--hold-back`,
//! which trains on the first 50,000 training images and evaluates on the last 10,000. `mlp`: eleven runs of one seed with
//! 40 or 80 epochs, then two of 150. `conv`: ten runs of one seed with 15 to 60 epochs, of five networks; this one was the
//! best, with 0.29 % after 30 epochs.

#[macro_use]
#[path = "mnist/output.rs"]
mod output;

#[path = "mnist/digit_network.rs"]
mod digit_network;
#[path = "mnist/engine.rs"]
mod engine;
#[path = "mnist/exit.rs"]
mod exit;
#[path = "mnist/some.rs"]
mod some;

use std::{fs, ops::ControlFlow, path::PathBuf, process::ExitCode, time::Instant};

use clap::{Parser, ValueEnum, value_parser};
use indicatif::ProgressBar;
use serde_json::json;
use tuplenet::{
    Error, Result,
    data::{Augmented, Distortion, MnistShape},
    models::MnistClassifier,
    prelude::*,
    shape::Image,
    target::Classes,
    weights::Init,
};

use digit_network::DigitNetwork;
use engine::{Choice, EngineOptions};
use some::some;

type Mlp = MnistClassifier<800>;

/// Five convolutions, where the paper has two, each with batch normalisation.
type Conv = (
    Image<1, 28, 28>,
    (Unit<1, 32, 5>, MaxPool2d<2>),
    (Unit<32, 64, 3>, Unit<64, 64, 3>),
    (Unit<64, 128, 3>, Unit<128, 128, 3>),
    (Flatten, Dropout<30>, LazyLinear<10>),
);

type Unit<const I: usize, const O: usize, const K: usize> = (Conv2d<I, O, K>, BatchNorm2d<O>, ReLU);

/// What a network is trained with, unless the options differ.
struct Recipe {
    network: &'static str,
    /// The test error rate of Simard, Steinkraus and Platt's network of this kind.
    published: f64,
    epochs: usize,
    batch: usize,
    /// Peak of the learning rate.
    lr: f64,
    /// Fraction of the steps in which the learning rate rises.
    warm_up: f64,
    /// Decoupled weight decay.
    weight_decay: f64,
    distortion: Distortion,
}

const MLP: Recipe = Recipe {
    network: "784-800-10",
    published: 0.007,
    epochs: 150,
    batch: 100,
    lr: 0.001,
    warm_up: 0.1,
    weight_decay: 0.0,
    distortion: Distortion {
        rotation_degrees: 10.0,
        shear: 0.15,
        scale: 0.15,
        shift_pixels: 0.0,
        elastic_alpha: 36.0,
        elastic_sigma: 6.0,
        faint_grey: FAINT_GREY,
    },
};

const CONV: Recipe = Recipe {
    network: "five convolutions of 32, 64, 64, 128 and 128 features",
    published: 0.004,
    epochs: 40,
    batch: 128,
    lr: 0.003,
    warm_up: 0.2,
    weight_decay: 0.01,
    distortion: Distortion {
        rotation_degrees: 10.0,
        shear: 0.1,
        scale: 0.1,
        shift_pixels: 1.0,
        elastic_alpha: 24.0,
        elastic_sigma: 6.0,
        faint_grey: FAINT_GREY,
    },
};

/// At this value the number of non-zero pixels is as in the originals.
const FAINT_GREY: u8 = 32;

/// Training images that `--hold-back` evaluates on.
const HELD_BACK: usize = 10_000;

/// Trains a network on augmented images to the published error rate on MNIST's test set.
#[derive(Debug, Parser)]
struct Options {
    #[command(flatten)]
    engine: EngineOptions,
    /// Network: `mlp`, 784-800-10, or `conv`, with convolutions
    #[arg(long, value_enum, default_value_t = NetworkName::Mlp)]
    network: NetworkName,
    /// Number of seeds to run
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first seed; it determines initial weights, sample order and distortions
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// Number of passes over the training images, each with new distortions; default 150 for mlp, 40 for conv
    #[arg(long)]
    epochs: Option<usize>,
    /// Batch size; default 100 for mlp, 128 for conv
    #[arg(long)]
    batch: Option<usize>,
    /// Peak of the learning rate; default 0.001 for mlp, 0.003 for conv
    #[arg(long)]
    lr: Option<f64>,
    /// Fraction of the steps in which the learning rate rises; default 0.1 for mlp, 0.2 for conv
    #[arg(long)]
    warm_up: Option<f64>,
    /// Decoupled weight decay; default 0 for mlp, 0.01 for conv
    #[arg(long)]
    weight_decay: Option<f64>,
    /// Largest rotation, in degrees; default 10
    #[arg(long)]
    rotation: Option<f32>,
    /// Largest shear; default 0.15 for mlp, 0.1 for conv
    #[arg(long)]
    shear: Option<f32>,
    /// Largest relative change of size; default 0.15 for mlp, 0.1 for conv
    #[arg(long)]
    scale: Option<f32>,
    /// Largest shift, in pixels; default 0 for mlp, 1 for conv
    #[arg(long)]
    shift: Option<f32>,
    /// Factor of the elastic displacement, in pixels; default 36 for mlp, 24 for conv
    #[arg(long)]
    alpha: Option<f32>,
    /// Standard deviation of its Gaussian smoothing, in pixels; default 6
    #[arg(long)]
    sigma: Option<f32>,
    /// Greys up to this value are set to 0; default 32
    #[arg(long)]
    faint: Option<u8>,
    /// Train on the first 50,000 training images and evaluate on the last 10,000 instead of the test set
    #[arg(long)]
    hold_back: bool,
    /// Train on this many images, the first ones; default all
    #[arg(long, value_name = "COUNT", value_parser = value_parser!(u32).range(1..))]
    images: Option<u32>,
    /// Folder with MNIST's four files
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum NetworkName {
    Mlp,
    Conv,
}

impl Options {
    fn recipe(&self) -> Recipe {
        let default = match self.network {
            NetworkName::Mlp => MLP,
            NetworkName::Conv => CONV,
        };
        let distortion = default.distortion;
        Recipe {
            epochs: self.epochs.unwrap_or(default.epochs),
            batch: self.batch.unwrap_or(default.batch),
            lr: self.lr.unwrap_or(default.lr),
            warm_up: self.warm_up.unwrap_or(default.warm_up),
            weight_decay: self.weight_decay.unwrap_or(default.weight_decay),
            distortion: Distortion {
                rotation_degrees: self.rotation.unwrap_or(distortion.rotation_degrees),
                shear: self.shear.unwrap_or(distortion.shear),
                scale: self.scale.unwrap_or(distortion.scale),
                shift_pixels: self.shift.unwrap_or(distortion.shift_pixels),
                elastic_alpha: self.alpha.unwrap_or(distortion.elastic_alpha),
                elastic_sigma: self.sigma.unwrap_or(distortion.elastic_sigma),
                faint_grey: self.faint.unwrap_or(distortion.faint_grey),
            },
            ..default
        }
    }
}

fn main() -> ExitCode {
    exit::code(run(&Options::parse()))
}

/// Whether every seed reached the published error rate.
fn run(options: &Options) -> Result<bool> {
    match options.network {
        NetworkName::Mlp => on_engine::<Mlp>(options),
        NetworkName::Conv => on_engine::<Conv>(options),
    }
}

fn on_engine<N: DigitNetwork>(options: &Options) -> Result<bool> {
    match options
        .engine
        .choose(tuplenet::engine::Processor::detect())?
    {
        Choice::Fused(processor) => {
            every_seed::<N, _>(options, |weights| Fused::on(processor, weights))
        }
        #[cfg(feature = "dfdx")]
        Choice::Tape => every_seed::<N, _>(options, Tape::new),
        #[cfg(feature = "cuda")]
        Choice::TapeOnCuda(number) => {
            every_seed::<N, _>(options, |weights| Tape::cuda(number, weights))
        }
        #[cfg(feature = "cuda")]
        Choice::FusedOnCuda(number) => {
            every_seed::<N, _>(options, |weights| FusedCuda::new(number, weights))
        }
    }
}

/// Trains and evaluates a network for each seed, on the engine created by `make`.
fn every_seed<N: DigitNetwork, E: Engine<N>>(
    options: &Options,
    make: impl Fn(Weights<N>) -> Result<E>,
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
    if let Some(images) = options.images {
        train = some(&train, 0..images as usize)?;
    }
    let recipe = options.recipe();
    println!(
        "{}, {} parameters, Kaiming uniform initialisation, {} epochs, batch {}, AdamW with weight decay {}, \
        one cycle to {} with warm-up {}\n{:?}\nevaluated on {tested_on}",
        recipe.network,
        N::PARAMS,
        recipe.epochs,
        recipe.batch,
        recipe.weight_decay,
        recipe.lr,
        recipe.warm_up,
        recipe.distortion
    );

    let mut results = Vec::new();
    let mut reached = true;
    for seed in (0..options.seeds).map(|nth| options.first_seed.wrapping_add(nth)) {
        if output::failure().is_some() && options.json.is_none() {
            return Ok(false); // nobody reads the results
        }
        let started = Instant::now();
        let data = Augmented::<N::In, _>::new(train.clone(), [28, 28], recipe.distortion, seed)?;
        let mut net = make(Weights::init_with(Init::KaimingUniform, seed))?;
        let adamw = AdamW {
            learning_rate: recipe.lr,
            weight_decay: recipe.weight_decay,
            ..AdamW::default()
        };
        let schedule = OneCycle {
            warm_up: recipe.warm_up,
            ..OneCycle::default()
        };
        let bar = ProgressBar::new(recipe.epochs as u64);
        let history = Trainer::new(adamw)
            .schedule(schedule)
            .epochs(recipe.epochs)
            .batch(recipe.batch)
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
        reached &= error <= recipe.published;
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
        println!(
            "a seed is above the published {:.2} %",
            recipe.published * 100.0
        );
    }
    if let Some(path) = &options.json {
        let summary = json!({
            "network": recipe.network, "parameters": N::PARAMS, "published_error": recipe.published, "tested_on": tested_on,
            "epochs": recipe.epochs, "batch": recipe.batch,
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
fn held_back<S: MnistShape>(
    train: &Dataset<S, Classes<10>>,
) -> Result<(Dataset<S, Classes<10>>, Dataset<S, Classes<10>>)> {
    let at = train.len().saturating_sub(HELD_BACK);
    Ok((some(train, 0..at)?, some(train, at..train.len())?))
}
