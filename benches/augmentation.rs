//! The cost of augmentation in every epoch: times the training of 784-800-10 with and without it, alternately.
//!
//! `cargo bench --bench augmentation`; `-- --test` runs one short round. The images are MNIST's if it is found, else as
//! many built-in digits; the distortion is that of `examples/best`. Times include distortion, upload and steps.
//! Distorted images have more nonzero pixels, so their steps take longer; `faint_grey` limits this.

use std::{env, time::Instant};

use tuplenet::{
    Result,
    data::{Augmented, Distortion, TrainingData},
    models::MnistClassifier,
    prelude::*,
    shape::Features,
    target::Classes,
};

type Net = MnistClassifier<800>;

const BATCH: usize = 100;

/// The distortion of `examples/best`.
const DISTORTION: Distortion = Distortion {
    rotation_degrees: 10.0,
    shear: 0.15,
    scale: 0.15,
    elastic_alpha: 36.0,
    elastic_sigma: 6.0,
    faint_grey: 32,
    ..Distortion::IDENTITY
};

fn main() -> Result<()> {
    // `cargo test --benches` runs this without `--bench`.
    let is_test = !env::args().any(|argument| argument == "--bench")
        || env::args().any(|argument| argument == "--test");
    let [rounds, epochs] = if is_test { [1, 1] } else { [9, 3] };
    let originals = match Mnist::find().and_then(|mnist| mnist.load()) {
        Ok((train, _)) if !is_test => train,
        _ => Digits::new(1).dataset(0..if is_test { 1_000 } else { 60_000 })?,
    };
    let augmented = |ahead, faint_grey| {
        let distortion = Distortion {
            faint_grey,
            ..DISTORTION
        };
        let data = Augmented::new(originals.clone(), [28, 28], distortion, 1);
        data.map(|data| data.prefetch(ahead))
    };
    let faint = DISTORTION.faint_grey;
    let (between, ahead) = (augmented(0, faint)?, augmented(1, faint)?);
    let every_grey = augmented(0, 0)?;
    let mut net = Fused::<Net>::new(Weights::init(1))?;
    println!(
        "{} on {}, {} images, batch {BATCH}, {DISTORTION:?}",
        net.name(),
        net.device(),
        originals.len()
    );
    let mut times: [Vec<[f64; 2]>; 4] = Default::default();
    for _ in 0..rounds {
        times[0].push(training(&mut net, &originals, epochs)?);
        times[1].push(training(&mut net, &between, epochs)?);
        times[2].push(training(&mut net, &ahead, epochs)?);
        times[3].push(training(&mut net, &every_grey, epochs)?);
    }
    let names = [
        "without augmentation",
        "augmented between epochs",
        "augmented one epoch ahead, in a thread",
        "augmented between epochs, faint_grey 0",
    ];
    let [plain, _] = medians(&times[0]);
    println!("milliseconds per epoch; median of {rounds} rounds of {epochs} epochs");
    for (name, times) in names.iter().zip(&times) {
        let [total, steps] = medians(times).map(|seconds| seconds * 1e3 / epochs as f64);
        let ratio = total / (plain * 1e3 / epochs as f64);
        println!(
            "{name:<42} {total:>7.1}, of which steps {steps:>7.1}; ratio to the first {ratio:.3}"
        );
    }
    Ok(())
}

/// Seconds of a training, and of its steps.
fn training(
    net: &mut Fused<Net>,
    data: &impl TrainingData<Features<784>, Features<10>, Target = Classes<10>>,
    epochs: usize,
) -> Result<[f64; 2]> {
    let started = Instant::now();
    let mut trainer = Trainer::new(Adam::default()).batch(BATCH).epochs(epochs);
    let steps = trainer.fit(net, data)?.train_seconds();
    Ok([started.elapsed().as_secs_f64(), steps])
}

fn medians(times: &[[f64; 2]]) -> [f64; 2] {
    [0, 1].map(|which| {
        let mut times: Vec<f64> = times.iter().map(|time| time[which]).collect();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}
