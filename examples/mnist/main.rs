//! Trains a typed network on handwritten digits.
//!
//! ```text
//! cargo run --release --example mnist                     # MNIST if found, else built-in digits
//! cargo run --release --example mnist -- --download       # download MNIST first
//! cargo run --release --example mnist -- --hidden 128 --epochs 3 --seed 7
//! cargo run --release --example mnist -- --validation 5000 --patience 3 --epochs 50
//! cargo run --release --example mnist -- --checkpoint target/checkpoints --every 60 --resume
//! cargo run --release --features cuda --example mnist -- --device cuda
//! ```

#[macro_use]
mod output;

mod axis;
mod curve;
mod digit;
mod engine;
mod exit;
mod options;

use std::{
    fs, io,
    ops::ControlFlow,
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use tuplenet::{
    Error, Result,
    data::{Augmented, Distortion, Download},
    metrics::Evaluation,
    models::MnistClassifier,
    objective::Optimizer,
    prelude::*,
    shape::Features,
    target::Classes,
    train::History,
};

use engine::Choice;
use options::{Hidden, Options};

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(error) = ctrlc::set_handler(on_ctrl_c) {
        eprintln!("error: Ctrl-C cannot be handled: {error}");
        return ExitCode::FAILURE;
    }
    exit::code(run(&options).map(|()| true))
}

/// The first Ctrl-C requests the training to stop, a second one exits.
fn on_ctrl_c() {
    if STOP.swap(true, Ordering::Relaxed) {
        std::process::exit(exit::INTERRUPTED.into());
    }
}

fn run(options: &Options) -> Result<()> {
    let engine = options.engine.choose()?;
    let data = load(options)?;
    options.check_outputs()?;
    // Each width is a separate type, monomorphised at compile time and selected here.
    match options.hidden {
        Hidden::H32 => train::<32>(engine, options, &data),
        Hidden::H128 => train::<128>(engine, options, &data),
        Hidden::H500 => train::<500>(engine, options, &data),
        Hidden::H800 => train::<800>(engine, options, &data),
    }
}

/// The data to train and test on.
struct Data {
    name: &'static str,
    source: Source,
    test: Dataset<Features<784>, Classes<10>>,
    /// MNIST's test set, if the network is trained on built-in digits and MNIST is available.
    real_test: Option<Dataset<Features<784>, Classes<10>>>,
}

enum Source {
    Mnist(Dataset<Features<784>, Classes<10>>),
    BuiltIn(Digits),
}

fn load(options: &Options) -> Result<Data> {
    let found = match (&options.data, options.download) {
        (Some(folder), true) => download(folder),
        (Some(folder), false) => Mnist::in_folder(folder),
        (None, true) => download(&Mnist::cache_folder().unwrap_or_else(|| "mnist".into())),
        (None, false) => Mnist::find(),
    };
    let loaded = match found {
        Ok(mnist) => Some(mnist.load()?),
        Err(Error::DataNotFound { .. }) => None,
        Err(error) => return Err(error),
    };
    let built_in = |real_test| {
        let source = Source::BuiltIn(Digits::new(options.seed));
        // A seed that differs from the training's, so that no test digit is a training digit.
        let test = Digits::new(!options.seed).dataset(0..10_000)?;
        Ok(Data {
            name: "built-in digits",
            source,
            test,
            real_test,
        })
    };
    match loaded {
        Some((train, test)) if !options.built_in => {
            println!(
                "data: MNIST, {} training and {} test images",
                train.len(),
                test.len()
            );
            Ok(Data {
                name: "mnist",
                source: Source::Mnist(train),
                test,
                real_test: None,
            })
        }
        None if options.augment => Err(Error::Setting {
            setting: "augment",
            expected: "MNIST (built-in digits are new in every epoch anyway)".to_owned(),
            found: "built-in digits, as MNIST was not found".to_owned(),
        }),
        None if !options.built_in => {
            println!("data: built-in digits, as MNIST was not found; --download downloads it");
            built_in(None)
        }
        loaded => {
            println!(
                "data: built-in digits, {} new ones per epoch",
                Digits::PER_EPOCH
            );
            built_in(loaded.map(|(_, test)| test))
        }
    }
}

fn download(folder: &Path) -> Result<Mnist> {
    let bar = ProgressBar::new(0).with_style(bar_style("{msg} {bar:30} {bytes}/{total_bytes}"));
    let mnist = Mnist::download(
        folder,
        |Download {
             file,
             received_bytes,
             total_bytes,
             ..
         }| {
            bar.set_message(file.to_owned());
            bar.set_length(total_bytes);
            bar.set_position(received_bytes);
        },
    )?;
    bar.finish_and_clear();
    Ok(mnist)
}

fn bar_style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Trains the network with `H` hidden units on the chosen engine.
fn train<const H: usize>(engine: Choice, options: &Options, data: &Data) -> Result<()> {
    println!("\n{}\n", MnistClassifier::<H>::summary());
    let weights = Weights::<MnistClassifier<H>>::init(options.seed);
    match engine {
        Choice::Fused(processor) => train_on::<H, _>(Fused::on(processor, weights)?, options, data),
        #[cfg(feature = "dfdx")]
        Choice::Tape => train_on::<H, _>(Tape::new(weights)?, options, data),
        #[cfg(feature = "cuda")]
        Choice::TapeOnCuda(number) => train_on::<H, _>(Tape::cuda(number, weights)?, options, data),
    }
}

/// Trains, evaluates, reports and saves.
fn train_on<const H: usize, E>(mut net: E, options: &Options, data: &Data) -> Result<()>
where
    E: Engine<MnistClassifier<H>>,
{
    let optimizer = options.optimizer();
    let (engine, device) = (net.name(), net.device());
    println!(
        "engine {engine} on {device}, {}, batch {}, {} epochs, seed {}",
        describe(&optimizer),
        options.batch,
        options.epochs,
        options.seed
    );
    let history = fit(&mut net, options, optimizer, &data.source)?;

    let evaluation = net.evaluate(&data.test)?;
    println!("\ntest on {}: {evaluation}", data.name);
    show_misclassified(&data.test, &evaluation);
    let real = data
        .real_test
        .as_ref()
        .map(|test| net.evaluate(test))
        .transpose()?;
    if let Some(real) = &real {
        println!(
            "\ntest on MNIST, not trained on: accuracy {:.2} %",
            real.accuracy() * 100.0
        );
    }

    let weights = net.weights()?;
    weights.save(&options.save)?;
    let curves = curve::draw(&history).map_err(|error| io::Error::other(error.to_string()));
    curves
        .and_then(|svg| fs::write(&options.plot, svg))
        .map_err(|source| unwritable(&options.plot, source))?;
    println!(
        "\nweights {}\ncurves  {}\nhistory {}",
        options.save.display(),
        options.plot.display(),
        options.run.join("history.jsonl").display()
    );
    if let Some(path) = &options.json {
        let summary = json!({
            "engine": engine, "device": device, "data": data.name, "hidden": H, "seed": options.seed,
            "epochs": history.epochs.len(), "batch": options.batch,
            "train_seconds": history.train_seconds(),
            "train_losses": history.epochs.iter().map(|epoch| epoch.train_loss).collect::<Vec<_>>(),
            "validation_losses": history.epochs.iter().map(|epoch| epoch.validation_loss).collect::<Vec<_>>(),
            "test_accuracy": evaluation.accuracy(),
            "mnist_test_accuracy": real.map(|real| real.accuracy()),
            "weights_sha256": weights.sha256(),
        });
        fs::write(path, format!("{summary:#}\n")).map_err(|source| unwritable(path, source))?;
    }
    Ok(())
}

fn fit<const H: usize, E>(
    net: &mut E,
    options: &Options,
    optimizer: Optimizer,
    source: &Source,
) -> Result<History>
where
    E: Engine<MnistClassifier<H>>,
{
    let bar =
        ProgressBar::new(0).with_style(bar_style("{msg} {bar:30} {pos}/{len} samples, {per_sec}"));
    let mut trainer = Trainer::new(optimizer)
        .schedule(options.schedule())
        .loss(options.loss())
        .epochs(options.epochs)
        .batch(options.batch)
        .seed(options.seed)
        .validation(options.validation)
        .run_folder(&options.run)
        .stop_when(&STOP)
        .on_progress(|progress| {
            bar.set_message(format!(
                "epoch {:>3}  loss {:.4}",
                progress.epoch, progress.loss
            ));
            bar.set_length(progress.samples as u64);
            bar.set_position(progress.samples_done as u64);
        })
        .on_epoch(|report| {
            bar.suspend(|| println!("{report}"));
            ControlFlow::Continue(())
        });
    if let Some(norm) = options.clip_norm {
        trainer = trainer.clip_norm(norm);
    }
    if let Some(patience) = options.patience {
        let stopping = EarlyStopping {
            patience,
            ..EarlyStopping::default()
        };
        trainer = trainer.early_stopping(stopping);
    }
    if let Some(checkpoints) = options.checkpoints.choose()? {
        trainer = trainer.checkpoints(checkpoints);
    }
    let history = match source {
        Source::Mnist(train) if options.augment => {
            let distortion = Distortion::default();
            let train = Augmented::new(train.clone(), [28, 28], distortion, options.seed)?;
            trainer.fit(net, &train)
        }
        Source::Mnist(train) => trainer.fit(net, train),
        Source::BuiltIn(digits) => trainer.fit(net, digits),
    };
    bar.finish_and_clear();
    let history = history?;
    if let Some(best) = history.best_epoch {
        println!(
            "restored the weights of epoch {best}, the best of {}",
            history.epochs.len()
        );
    }
    Ok(history)
}

fn describe(optimizer: &Optimizer) -> String {
    let name = match optimizer {
        Optimizer::Sgd(_) => "SGD with momentum",
        Optimizer::AdamW(_) => "AdamW",
        _ => "Adam",
    };
    format!("{name} at {}", optimizer.learning_rate())
}

/// Draws the first three misclassified digits.
fn show_misclassified(test: &Dataset<Features<784>, Classes<10>>, evaluation: &Evaluation) {
    let misclassified =
        evaluation
            .predictions
            .iter()
            .enumerate()
            .filter_map(|(index, &predicted)| {
                let label = test.label(index)?;
                (label != predicted).then_some((index, label, predicted))
            });
    for (index, label, predicted) in misclassified.take(3) {
        println!("\ntest image {index}: a {label}, classified as {predicted}");
        if let Some(pixels) = test.sample(index) {
            println!("{}", digit::draw(&pixels));
        }
    }
}

fn unwritable(path: &Path, source: io::Error) -> Error {
    let remedy = "name a file in a folder that exists and can be written";
    Error::Io {
        path: path.to_owned(),
        action: "write",
        source,
        remedy,
    }
}
