//! Explains the network saved by the example `mnist`, or without one the embedded model.
//!
//! ```text
//! cargo run --release --example explain                          # the most confidently misclassified digits
//! cargo run --release --example explain -- --index 7 --class 2   # evidence for a 2 in test image 7
//! ```

#[macro_use]
#[path = "../mnist/output.rs"]
mod output;
#[macro_use]
#[path = "../mnist/network.rs"]
mod network;

#[path = "../mnist/exit.rs"]
mod exit;
mod first_layer;
mod pictures;
#[path = "../mnist/saved.rs"]
mod saved;
#[path = "../mnist/test_set.rs"]
mod test_set;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use tuplenet::{
    Error, Result,
    explain::{Calibration, IntegratedGradients},
    metrics::Evaluation,
    models::MnistClassifier,
    prelude::*,
    shape::Shape,
};

use first_layer::FirstLayer;
use pictures::Picture;
use saved::SAVED;

/// Explains a network: its calibration, and the pixels that its predictions depend on.
#[derive(Debug, Parser)]
struct Options {
    /// Weights of a network that the example mnist trains; default target/mnist.safetensors, or if it does not exist,
    /// the embedded model (784-32-10)
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Folder with MNIST's four files
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Index of the test image to explain, from 0
    #[arg(long, conflicts_with = "count")]
    index: Option<usize>,
    /// Number of test images to explain: the most confidently misclassified ones
    #[arg(long, value_name = "N", default_value_t = 5)]
    count: usize,
    /// The class to explain; default the predicted one and the true one
    #[arg(long)]
    class: Option<usize>,
    /// Folder for the pictures
    #[arg(long, value_name = "DIR", default_value = "target/explain")]
    out: PathBuf,
}

/// The number of confused pairs of classes to print.
const PAIRS: usize = 5;
/// The number of bins of the reliability table.
const BINS: usize = 10;

fn main() -> ExitCode {
    exit::code(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<()> {
    if let Some(class) = options.class.filter(|&class| class >= 10) {
        return Err(Error::Setting {
            setting: "class",
            expected: "a number below 10".to_owned(),
            found: class.to_string(),
        });
    }
    fs::create_dir_all(&options.out)
        .map_err(|source| pictures::unwritable(&options.out, source))?;
    let Some(path) = saved::find(options.weights.as_deref()) else {
        println!("no {SAVED} yet: using the embedded model, 784-32-10, trained on built-in digits");
        return explain(options, &model()?);
    };
    println!("weights {}", path.display());
    with_network!(saved::network(&path)?, explain_file(options, &path))
}

fn explain_file<N: FirstLayer>(options: &Options, path: &Path) -> Result<()> {
    explain(options, &Weights::<N>::load(path)?)
}

/// Trained only on built-in digits: `mnist --built-in --hidden 32 --epochs 100`.
fn model() -> Result<Weights<MnistClassifier<32>>> {
    let file = include_bytes!("../digits.safetensors");
    Weights::from_bytes(file).map_err(|mismatch| Error::WeightsFile {
        path: "digits.safetensors".into(),
        tensor: mismatch.tensor().to_owned(),
        expected: mismatch.expected().to_owned(),
        found: mismatch.found().to_owned(),
    })
}

fn explain<N: FirstLayer>(options: &Options, weights: &Weights<N>) -> Result<()> {
    let test = test_set::load::<N::In>(options.data.as_deref())?;
    if let Some(index) = options.index {
        test_set::pixels(&test, index)?;
    }
    let path = options.out.join("weights.png");
    pictures::save(&N::draw_weights(weights), &path)?;
    println!("{}", path.display());
    println!("  {}", N::WEIGHTS);

    // `Tape` computes explanations; for the whole test set `Fused` is faster.
    let evaluation = Fused::<N>::new(weights.clone())?.evaluate(&test)?;
    let net = Tape::<N>::new(weights.clone())?;
    println!("\naccuracy {:.2} %", evaluation.accuracy() * 100.0);
    for confused in evaluation.confusion.most_confused(PAIRS) {
        println!("{confused}");
    }
    println!("\n{}\n", Calibration::of(&evaluation, BINS)?);

    let chosen = match options.index {
        Some(index) => vec![index],
        None => misclassified_with_most_confidence(&evaluation, options.count),
    };
    if chosen.is_empty() {
        println!("no misclassified image to explain");
    }
    for index in chosen {
        let (predicted, truth) = (evaluation.predictions[index], evaluation.labels[index]);
        let classes = match options.class {
            Some(class) => vec![class],
            None if predicted == truth => vec![predicted],
            None => vec![predicted, truth],
        };
        let sample = test_set::pixels(&test, index)?;
        let path = options.out.join(format!("digit-{index}.png"));
        pictures::save(&digit(&net, &sample, &classes)?, &path)?;
        let confidence = evaluation.confidences[index] * 100.0;
        println!("{}", path.display());
        println!(
            "  test image {index}, a {truth}, classified as {predicted} with {confidence:.2} %"
        );
        println!("  image, saliency, integrated gradients for {classes:?}, one row per class");
        if let Some(maps) = N::draw_feature_maps(weights, &sample)? {
            let path = options.out.join(format!("maps-{index}.png"));
            pictures::save(&maps, &path)?;
            println!("{}", path.display());
            println!("  image, and its feature maps after the first convolution and ReLU");
        }
    }
    Ok(())
}

/// A row for each class: the image, its saliency and its integrated gradients.
fn digit<N: FirstLayer>(
    net: &Tape<N>,
    sample: &<N::In as Shape>::Array,
    classes: &[usize],
) -> Result<Picture> {
    let mut tiles = Vec::new();
    for &class in classes {
        let saliency = net.saliency(sample, class)?;
        let integrated = IntegratedGradients::new().explain(net, sample, class)?;
        tiles.push(pictures::grey(N::In::values(sample)));
        for values in [saliency, integrated.values] {
            let values = N::In::values(&values);
            tiles.push(pictures::diverging(values, pictures::largest(values)));
        }
    }
    Ok(pictures::sheet(&tiles, 3))
}

/// The misclassified samples, the most confident first.
fn misclassified_with_most_confidence(evaluation: &Evaluation, count: usize) -> Vec<usize> {
    let confidences = &evaluation.confidences;
    let mut misclassified: Vec<usize> = (0..confidences.len())
        .filter(|&index| evaluation.predictions[index] != evaluation.labels[index])
        .collect();
    misclassified.sort_by(|&a, &b| confidences[b].total_cmp(&confidences[a]));
    misclassified.truncate(count);
    misclassified
}
