//! Predicts a number from ten features, by cross-validation, and saves a network that takes and gives raw values.
//!
//! ```text
//! cargo run --release --example regress                       # Friedman's function, from a seed
//! cargo run --release --example regress -- --data table.csv   # eleven columns: the features, then the target
//! ```
//!
//! Friedman's function is `10 sin(pi x0 x1) + 20 (x2 - 1/2)² + 10 x3 + 5 x4` plus normal noise with a standard deviation of 1, of
//! features from 0 to 1, of which the last five mean nothing. Source: J. Friedman, "Multivariate adaptive regression splines",
//! 1991; `sklearn.datasets.make_friedman1`.

#[macro_use]
#[path = "mnist/output.rs"]
mod output;

#[path = "mnist/exit.rs"]
mod exit;

use std::{f32::consts::PI, path::PathBuf, process::ExitCode};

use clap::Parser;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rand_distr::StandardNormal;
use tuplenet::{
    Result,
    data::{Csv, DataFor, TrainingData},
    engine::Processor,
    metrics::RegressionEvaluation,
    prelude::*,
    shape::Features,
    target::Values,
    train::in_parallel,
};

type Net = (
    Standardize<10>,
    Linear<10, 32>,
    Tanh,
    Linear<32, 16>,
    Tanh,
    Linear<16, 1>,
);
type Table = Dataset<Features<10>, Values<1>>;
/// The features and the target.
type Row = ([f32; 10], f32);

/// Predicts a number from ten features, with cross-validation.
#[derive(Debug, Parser)]
struct Options {
    /// Table of ten features and a target, in this order; default samples of Friedman's function
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// The table has no header
    #[arg(long, requires = "data")]
    no_header: bool,
    /// Number of samples of Friedman's function
    #[arg(long, default_value_t = 1000)]
    samples: usize,
    /// Number of parts of the cross-validation
    #[arg(long, default_value_t = 10)]
    folds: usize,
    /// Number of passes over the training samples
    #[arg(long, default_value_t = 100)]
    epochs: usize,
    /// Seed of Friedman's samples, the folds, the initial weights and the order of samples
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where to write the weights
    #[arg(
        long,
        value_name = "FILE",
        default_value = "target/regress.safetensors"
    )]
    save: PathBuf,
}

fn main() -> ExitCode {
    exit::code(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<()> {
    let rows: Vec<Row> = match &options.data {
        Some(path) => {
            let table = Csv::new(path).header(!options.no_header);
            table.records::<Row>()?.collect::<Result<_>>()?
        }
        None => friedman(options.samples, options.seed),
    };
    // Targets of a deviation of 1 train at the same rate whatever their unit; the weights get it back at the end.
    let (mean, deviation) = moments(&rows);
    let table = Table::from_records(&rows, |&(features, target)| {
        (features, [(target - mean) / deviation])
    })?;
    println!(
        "{} samples; the target has a mean of {mean:.2} and a standard deviation of {deviation:.2}",
        table.len()
    );
    println!("\n{}\n", Net::summary());

    let folds: Vec<_> = table.folds(options.folds, options.seed)?.collect();
    let tested = in_parallel(folds.len(), |fold| {
        let (training, test) = &folds[fold];
        train(options, training)?.evaluate(test)
    })?;
    let unit = f64::from(deviation);
    println!("fold    MAE   RMSE     R²");
    for (fold, evaluation) in tested.iter().enumerate() {
        let (mae, rmse) = (evaluation.mae() * unit, evaluation.rmse() * unit);
        println!(
            "{:4} {mae:6.2} {rmse:6.2} {:6.3}",
            fold + 1,
            evaluation.r2()
        );
    }
    let mean_of = |value: fn(&RegressionEvaluation) -> f64| {
        tested.iter().map(value).sum::<f64>() / tested.len() as f64
    };
    println!(
        "mean {:6.2} {:6.2} {:6.3}",
        mean_of(RegressionEvaluation::mae) * unit,
        mean_of(RegressionEvaluation::rmse) * unit,
        mean_of(RegressionEvaluation::r2)
    );

    let mut weights = train(options, &table)?.weights()?;
    weights.scale_outputs([deviation], [mean]);
    weights.save(&options.save)?;
    let net = Fused::<Net>::new(Weights::load(&options.save)?)?;
    let (features, target) = rows[0];
    let [prediction] = net.predict(&features)?;
    println!("\nweights {}", options.save.display());
    println!("the first sample, in its unit: predicted {prediction:.2}, measured {target:.2}");
    Ok(())
}

/// Trains on one thread, as several trainings run side by side. A tenth of the samples decide which epoch was the best: in few
/// samples with much noise, later ones learn the noise.
fn train(
    options: &Options,
    table: &impl TrainingData<Features<10>, Features<1>, Target = Values<1>>,
) -> Result<Fused<Net>> {
    let samples = table.epoch(0)?.samples().len;
    let one_thread = Processor::detect().threads(1);
    let mut net = Fused::<Net>::on(one_thread, Weights::init(options.seed))?;
    let adam = AdamW {
        learning_rate: 0.01,
        weight_decay: 0.1,
        ..AdamW::default()
    };
    Trainer::new(adam)
        .loss(MeanSquaredError)
        .schedule(Cosine::default())
        .epochs(options.epochs)
        .batch(32)
        .validation(samples / 10)
        .early_stopping(EarlyStopping {
            patience: 20,
            ..EarlyStopping::default()
        })
        .seed(options.seed)
        .fit(&mut net, table)?;
    Ok(net)
}

/// Samples of Friedman's function with noise.
fn friedman(samples: usize, seed: u64) -> Vec<Row> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut sample = || {
        let x: [f32; 10] = std::array::from_fn(|_| random.random());
        let noise: f32 = random.sample(StandardNormal);
        let y = 10.0 * (PI * x[0] * x[1]).sin()
            + 20.0 * (x[2] - 0.5).powi(2)
            + 10.0 * x[3]
            + 5.0 * x[4];
        (x, y + noise)
    };
    (0..samples).map(|_| sample()).collect()
}

/// The mean and the standard deviation of the targets, or 1 where that is 0.
fn moments(rows: &[Row]) -> (f32, f32) {
    let count = rows.len().max(1) as f64;
    let targets = || rows.iter().map(|&(_, target)| f64::from(target));
    let mean = targets().sum::<f64>() / count;
    let squares = targets().map(|target| (target - mean).powi(2)).sum::<f64>();
    match (squares / count).sqrt() as f32 {
        0.0 => (mean as f32, 1.0),
        deviation => (mean as f32, deviation),
    }
}
