//! The tutorial on MNIST; prints `SKIPPED` if `TUPLENET_MNIST` is not set.

use std::{env, fs, io::Write, path::Path};

use tuplenet::{
    data::{FeatureValues, MnistShape, Targets},
    models::{LeNet, MnistClassifier},
    prelude::*,
    shape::Features,
    target::Classes,
};

use crate::engines::{OnFused, OnTape, Tested, on_every_engine};

on_every_engine! {
    training_on_built_in_digits_generalises_to_mnist
}

/// The data, or `None` with a line on the terminal that the test harness does not capture.
fn real_mnist<S: MnistShape>(
    test: &str,
) -> Option<(Dataset<S, Classes<10>>, Dataset<S, Classes<10>>)> {
    let Some(folder) = env::var_os("TUPLENET_MNIST") else {
        let line =
            format!("SKIPPED {test}: set TUPLENET_MNIST to a folder with MNIST's four files\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    Some(Mnist::in_folder(folder).unwrap().load().unwrap())
}

#[test]
fn the_data_match_the_published_set() {
    let name = "the_data_match_the_published_set";
    let Some((train, test)) = real_mnist::<Features<784>>(name) else {
        return;
    };
    assert_eq!((train.len(), test.len()), (60_000, 10_000));
    let labels: Vec<_> = (0..10).map(|i| train.label(i).unwrap()).collect();
    assert_eq!(labels, [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    // Known value: the mean of the training pixels is 0.1307.
    let mean = (0..train.len())
        .map(|i| train.sample(i).unwrap().iter().sum::<f32>())
        .sum::<f32>()
        / 60_000.0
        / 784.0;
    assert!((mean - 0.1307).abs() < 1e-4, "{mean}");
}

/// 784-500-10, Adam 1e-3, batch 100, 5 epochs: each seed at least 97.6 %, the mean within 0.3 points of PyTorch's.
#[test]
fn the_tutorial_reaches_the_accuracy_of_pytorch() {
    let name = "the_tutorial_reaches_the_accuracy_of_pytorch";
    reaches_the_accuracy_of_pytorch::<OnFused, MnistClassifier<500>>(
        name,
        "mnist.json",
        3,
        0.976,
        0.003,
    );
}

/// The same on the first 10,000 images, since `Tape` takes eight times as long as `Fused`.
///
/// PyTorch's accuracies with seeds 0 to 11 have the mean 94.10 % and the standard deviation 0.25 points, so that two means
/// of three seeds differ by 0.2 points: the mean is within three times that of PyTorch's, and each seed at least 93.3 %,
/// three standard deviations below.
#[test]
fn the_tutorial_on_the_tape_reaches_the_accuracy_of_pytorch() {
    let name = "the_tutorial_on_the_tape_reaches_the_accuracy_of_pytorch";
    reaches_the_accuracy_of_pytorch::<OnTape, MnistClassifier<500>>(
        name,
        "mnist_10000.json",
        3,
        0.933,
        0.006,
    );
}

/// LeNet, Adam with one cycle to 3e-3, batch 64, 5 epochs: each seed at least 98.9 %, the mean within 0.15 points of
/// PyTorch's. Only on `Fused`, as on `Tape` it takes minutes, and two seeds, of which each takes twelve seconds of CPU time.
#[test]
fn lenet_reaches_the_accuracy_of_pytorch() {
    let name = "lenet_reaches_the_accuracy_of_pytorch";
    reaches_the_accuracy_of_pytorch::<OnFused, LeNet>(name, "lenet.json", 2, 0.989, 0.0015);
}

/// Trains with the settings of `file` in `tests/reference`, with the seeds from 0 on: each accuracy is at least `least`, and
/// their mean is within `apart` of PyTorch's with the same seeds.
fn reaches_the_accuracy_of_pytorch<T: Tested, N>(
    name: &str,
    file: &str,
    seeds: usize,
    least: f64,
    apart: f64,
) where
    N: Network<In: MnistShape, Output = Features<10>>,
{
    let Some((train, test)) = real_mnist::<N::In>(name) else {
        return;
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("reference")
        .join(file);
    let reference: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let runs = &reference["runs"].as_array().unwrap()[..seeds];
    let theirs = runs.iter().map(|run| run["accuracy"].as_f64().unwrap());
    let theirs = theirs.sum::<f64>() / seeds as f64;
    let setting = |name: &str| reference[name].as_u64().unwrap() as usize;
    let adam = Adam {
        learning_rate: reference["lr"].as_f64().unwrap(),
        ..Adam::default()
    };
    let train = first(&train, setting("images"));
    let schedule = match reference["one_cycle"].as_bool().unwrap() {
        true => OneCycle::default().into(),
        false => Schedule::CONSTANT,
    };
    let mut accuracies = Vec::new();
    for seed in 0..seeds as u64 {
        let mut net = T::new::<N>(Weights::init(seed));
        let history = Trainer::new(adam)
            .schedule(schedule)
            .epochs(setting("epochs"))
            .batch(setting("batch"))
            .seed(seed)
            .fit(&mut net, &train)
            .unwrap();
        let accuracy = net.evaluate(&test).unwrap().accuracy();
        let seconds = history.train_seconds();
        let line = format!(
            "{name} on {}, seed {seed}: {:.2} % of the test set, {seconds:.1} s\n",
            net.name(),
            accuracy * 100.0
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        assert!(accuracy >= least, "seed {seed}: {accuracy}");
        accuracies.push(accuracy);
    }
    let mean = accuracies.iter().sum::<f64>() / seeds as f64;
    assert!(
        (mean - theirs).abs() <= apart,
        "{mean} against PyTorch's {theirs}"
    );
}

/// The first images of MNIST.
fn first<S: MnistShape>(data: &Dataset<S, Classes<10>>, images: usize) -> Dataset<S, Classes<10>> {
    let (FeatureValues::Bytes { bytes, scale }, Targets::Labels(labels)) =
        (data.features(), data.targets())
    else {
        panic!("MNIST's images are bytes, and its targets labels")
    };
    let bytes = bytes[..images * 784].to_vec();
    Dataset::from_bytes(bytes, *scale, labels[..images].to_vec()).unwrap()
}

/// A network trained for one epoch only on built-in digits classifies MNIST.
fn training_on_built_in_digits_generalises_to_mnist<T: Tested>() {
    let Some((_, test)) = real_mnist("training_on_built_in_digits_generalises_to_mnist") else {
        return;
    };
    let mut net = T::new::<MnistClassifier<128>>(Weights::init(1));
    Trainer::new(Adam::default())
        .seed(1)
        .fit(&mut net, &Digits::new(1))
        .unwrap();
    let accuracy = net.evaluate(&test).unwrap().accuracy();
    let line = format!(
        "built-in digits on {}, one epoch, 784-128-10: {:.2} % of MNIST's test set\n",
        net.name(),
        accuracy * 100.0
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    assert!(accuracy > 0.6, "{accuracy}");
}
