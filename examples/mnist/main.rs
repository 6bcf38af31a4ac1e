//! Trains a typed network on handwritten digits.
//!
//! ```text
//! cargo run --release --example mnist                     # MNIST if found, else built-in digits
//! cargo run --release --example mnist -- --download       # download MNIST first
//! cargo run --release --example mnist -- --hidden 128 --epochs 3 --seed 7
//! cargo run --release --example mnist -- --network lenet  # convolutions instead of one hidden layer; or resnet
//! cargo run --release --example mnist -- --validation 5000 --patience 3 --epochs 50
//! cargo run --release --example mnist -- --checkpoint target/checkpoints --every 60 --resume
//! cargo run --release --features cuda --example mnist -- --device cuda
//! scripts/mpi -n 4 target/release/examples/mnist --distributed # by several processes; see the script
//! ```

#[macro_use]
mod output;
#[macro_use]
mod network;

mod axis;
mod curve;
mod data;
mod digit;
mod distributed;
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
use indicatif::ProgressBar;
use serde_json::json;
use tuplenet::{
    Error, Result,
    data::{Augmented, Distortion, MnistShape},
    metrics::Evaluation,
    objective::Optimizer,
    prelude::*,
    target::Classes,
    train::History,
};

use data::{Data, Source, bar_style};
use distributed::World;
use engine::Choice;
use network::{DigitNetwork, NetworkType};
use options::Options;

/// Set by Ctrl-C.
static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(error) = ctrlc::set_handler(on_ctrl_c) {
        eprintln!("error: Ctrl-C cannot be handled: {error}");
        return ExitCode::FAILURE;
    }
    match options.ranks.distributed {
        true => distributed::main(&options),
        false => exit::code(run(&options, None).map(|()| true)),
    }
}

/// The first Ctrl-C requests the training to stop, a second one exits.
fn on_ctrl_c() {
    if STOP.swap(true, Ordering::Relaxed) {
        std::process::exit(exit::INTERRUPTED.into());
    }
}

/// `world` has the processes that train together, if there are several.
fn run(options: &Options, world: Option<&World>) -> Result<()> {
    let engine = options.engine.choose(distributed::processor(world))?;
    with_network!(options.network()?, train(engine, options, world))
}

/// Trains the network `N` on the chosen engine.
fn train<N: DigitNetwork>(engine: Choice, options: &Options, world: Option<&World>) -> Result<()> {
    let data = data::load(options)?;
    if distributed::reports(world) {
        options.check_outputs()?;
    }
    println!("\n{}\n", N::summary());
    if let Some(world) = world {
        return distributed::train::<N>(world, engine, options, &data);
    }
    let weights = Weights::<N>::init(options.seed);
    match engine {
        Choice::Fused(processor) => train_on(Fused::on(processor, weights)?, options, &data),
        #[cfg(feature = "dfdx")]
        Choice::Tape => train_on(Tape::new(weights)?, options, &data),
        #[cfg(feature = "cuda")]
        Choice::TapeOnCuda(number) => train_on(Tape::cuda(number, weights)?, options, &data),
        #[cfg(feature = "cuda")]
        Choice::FusedOnCuda(number) => train_on(FusedCuda::new(number, weights)?, options, &data),
    }
}

/// Trains, evaluates, reports and saves.
fn train_on<N: DigitNetwork>(
    mut net: impl Engine<N>,
    options: &Options,
    data: &Data<N::In>,
) -> Result<()> {
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

    if !net.ranks().is_first() {
        return Ok(());
    }
    let weights = net.weights()?;
    options.save_weights(&weights)?;
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
        let (network, hidden) = match options.network()? {
            NetworkType::Mlp(hidden) => ("mlp", Some(hidden as usize)),
            NetworkType::LeNet => ("lenet", None),
            NetworkType::ResNet => ("resnet", None),
        };
        let summary = json!({
            "engine": engine, "device": device, "data": data.name, "seed": options.seed,
            "network": network, "hidden": hidden,
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

fn fit<N: DigitNetwork>(
    net: &mut impl Engine<N>,
    options: &Options,
    optimizer: Optimizer,
    source: &Source<N::In>,
) -> Result<History> {
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
fn show_misclassified<S: MnistShape>(test: &Dataset<S, Classes<10>>, evaluation: &Evaluation) {
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
            println!("{}", digit::draw(S::values(&pixels)));
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
