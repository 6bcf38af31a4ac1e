//! Weights of samples: a weight of 3 is the sample three times, for every loss on every engine.

use tuplenet::{
    data::{Augmented, DataFor, Distortion, TrainingData},
    prelude::*,
    shape::Features,
    target::Classes,
};

use crate::{
    engines::{Tested, losses, on_every_engine},
    samples::Data,
};

type Net = (Linear<7, 5>, Tanh, Linear<5, 3>);
type Table = Dataset<Features<7>, Classes<3>>;

fn table() -> Table {
    let data = Data {
        samples: 12,
        density: 0.8,
        bytes: false,
        seed: 4,
    };
    data.make()
}

const WEIGHTS: [f32; 12] = [1.0, 3.0, 2.0, 1.0, 1.0, 4.0, 2.0, 1.0, 5.0, 1.0, 2.0, 3.0];

fn weights_repeat_samples<T: Tested>() {
    let (plain, weighted) = (table(), table().weighted(WEIGHTS.to_vec()).unwrap());
    let net = T::new::<Net>(Weights::init(2));
    let (plain, weighted) = (net.upload(&plain).unwrap(), net.upload(&weighted).unwrap());
    let order: Vec<u32> = vec![5, 0, 8, 3, 1, 2];
    let repeated = order.iter().flat_map(|&sample| {
        let times = WEIGHTS[sample as usize] as usize;
        std::iter::repeat_n(sample, times)
    });
    let repeated: Vec<u32> = repeated.collect();
    for loss in losses(3) {
        let (expected, theirs) = T::gradient(&net, &plain, &repeated, loss.clone());
        let (found, ours) = T::gradient(&net, &weighted, &order, loss.clone());
        assert!(
            (found - expected).abs() < 1e-6,
            "{loss:?}: {found}, not {expected}"
        );
        for (a, b) in ours.as_slice().iter().zip(theirs.as_slice()) {
            assert!((a - b).abs() < 1e-6, "{loss:?}: {a}, not {b}");
        }
    }
}

on_every_engine! { weights_repeat_samples }

/// Adam's steps do not depend on the size of a gradient, so a training shows which samples count.
#[test]
fn a_training_follows_the_heavy_samples() {
    // the same features with two labels
    let data =
        Dataset::<Features<1>, Classes<2>>::from_values(vec![1.0; 40], [0, 1].repeat(20)).unwrap();
    let data = data.weighted([1.0, 3.0].repeat(20)).unwrap();
    let mut net = Fused::<(Linear<1, 2>,)>::new(Weights::init(1)).unwrap();
    let adam = Adam {
        learning_rate: 0.05,
        ..Adam::default()
    };
    let history = Trainer::new(adam)
        .epochs(200)
        .batch(40)
        .fit(&mut net, &data)
        .unwrap();
    let [no, yes] = net.predict(&[1.0]).unwrap();
    // the odds are 3 to 1
    assert!((yes - no - 3f32.ln()).abs() < 1e-3, "{no} {yes}");
    let minimum = -(0.25 * 0.25f64.ln() + 0.75 * 0.75f64.ln());
    let last = history.epochs.last().unwrap().train_loss;
    assert!((last - minimum).abs() < 1e-4, "{last}");
    // an evaluation counts every sample once
    let evaluation = net.evaluate(&data).unwrap();
    let plain = -(0.25f64.ln() + 0.75f64.ln()) / 2.0;
    assert!(
        (evaluation.loss - plain).abs() < 1e-3,
        "{}",
        evaluation.loss
    );
}

#[test]
fn weights_stay_with_their_samples() {
    let data = table().weighted(WEIGHTS.to_vec()).unwrap();
    let split = data.train_test_split(0.25, 3).unwrap();
    for part in [split.0.dataset(), split.1.dataset()] {
        let samples = DataFor::samples(part);
        for at in 0..part.len() {
            let original = (0..12)
                .find(|&it| data.sample(it) == part.sample(at))
                .unwrap();
            assert_eq!(samples.weights.as_ref().unwrap()[at], WEIGHTS[original]);
        }
    }
    // another training: it is not resumed from a checkpoint of the one without
    assert_ne!(data.sha256(), table().sha256());
    let other = table().weighted([&[2.0], &WEIGHTS[1..]].concat()).unwrap();
    assert_ne!(data.sha256(), other.sha256());
    // also of a data set that is shared
    let (plain, shared) = (table(), table());
    let both = (plain.clone(), plain.weighted(WEIGHTS.to_vec()).unwrap());
    assert_eq!(both.0.sha256(), shared.sha256());
    assert_eq!(both.1.sha256(), data.sha256());
}

#[test]
fn augmented_images_keep_their_weights() {
    let digits: Dataset<Features<784>, Classes<10>> = Digits::new(1).dataset(0..5).unwrap();
    let weights = vec![1.0, 2.0, 3.0, 4.0, 5.0];
    let digits = digits.weighted(weights.clone()).unwrap();
    let augmented = Augmented::new(digits, [28, 28], Distortion::default(), 1).unwrap();
    let epoch = TrainingData::<Features<784>, Features<10>>::epoch(&augmented, 1).unwrap();
    assert_eq!(
        DataFor::<Features<784>, Features<10>>::samples(&epoch).weights,
        Some(weights)
    );
}

#[test]
fn weights_that_are_none_are_refused() {
    let says = |weights: Vec<f32>, words: &str| {
        let error = table().weighted(weights).unwrap_err();
        assert_eq!(error.to_string(), words);
    };
    says(
        vec![1.0; 11],
        "data set: expected 12 weights, one for each sample, found 11",
    );
    for (bad, found) in [
        (0.0, "0"),
        (-1.0, "-1"),
        (f32::NAN, "NaN"),
        (f32::INFINITY, "inf"),
    ] {
        let mut weights = WEIGHTS.to_vec();
        weights[7] = bad;
        says(
            weights,
            &format!("data set: expected a weight above 0 and finite, found {found} (sample 7)"),
        );
    }
}
