//! Losses of values, of several labels and of weighted classes; `tests/reference/losses.py` generates the file.

use std::fs;

use safetensors::SafeTensors;
use tuplenet::{
    data::DataFor,
    prelude::*,
    shape::Features,
    target::{Classes, MultiLabel, Values},
};

use super::{Trained, assert_losses, floats, reference, training};
use crate::engines::{Recipe, Tested, on_every_engine, train};

on_every_engine! {
    the_first_50_losses_with_every_loss_are_pytorchs
    a_loss_and_its_gradient_match_pytorch
    extreme_outputs_and_kinks_match_pytorch
}

const VALUES: [&str; 2] = ["mean_absolute_error", "huber"];
const LABELS: [&str; 2] = ["weighted", "weighted_and_smoothed"];

fn loss(file: &SafeTensors<'_>, name: &str) -> Loss {
    let weights = floats(file, "weights");
    match name {
        "mean_absolute_error" => Loss::MeanAbsoluteError,
        "huber" => Loss::Huber {
            delta: floats(file, "delta")[0].into(),
        },
        "binary_cross_entropy" => Loss::BinaryCrossEntropy,
        "weighted" => Loss::WeightedCrossEntropy {
            weights: weights.into(),
            smoothing: 0.0,
        },
        "weighted_and_smoothed" => Loss::WeightedCrossEntropy {
            weights: weights.into(),
            smoothing: 0.1,
        },
        other => panic!("{other}"),
    }
}

/// Rows of five.
fn flags(values: &[bool]) -> Vec<[bool; 5]> {
    let rows = values.chunks_exact(5);
    rows.map(|row| row.try_into().unwrap()).collect()
}

fn bytes(file: &SafeTensors<'_>, name: &str) -> Vec<u8> {
    file.tensor(name).unwrap().data().to_vec()
}

/// The data sets of a batch with the file's targets, each sample of which has only the feature of its own index: the
/// outputs of a `Linear` without bias are then the transposed weights.
struct Batch {
    values: Dataset<Features<8>, Values<5>>,
    multi_label: Dataset<Features<8>, MultiLabel<5>>,
    classes: Dataset<Features<8>, Classes<5>>,
}

fn read(name: &str) -> Vec<u8> {
    fs::read(reference(name)).unwrap()
}

fn first_batch(file: &SafeTensors<'_>, labels: &[u8]) -> Batch {
    let indices = (0..64).map(|at| f32::from(u8::from(at / 8 == at % 8)));
    let features: Vec<f32> = indices.collect();
    let values = floats(file, "values")[..40].to_vec();
    let all: Vec<bool> = bytes(file, "flags")[..40].iter().map(|&b| b == 1).collect();
    Batch {
        values: Dataset::regression(features.clone(), values).unwrap(),
        multi_label: Dataset::multi_label(features.clone(), &flags(&all)).unwrap(),
        classes: Dataset::from_values(features, labels[..8].to_vec()).unwrap(),
    }
}

fn a_loss_and_its_gradient_match_pytorch<T: Tested>() {
    let (file, others) = (read("losses.safetensors"), read("training.safetensors"));
    let file = SafeTensors::deserialize(&file).unwrap();
    let labels = bytes(&SafeTensors::deserialize(&others).unwrap(), "labels");
    let batch = first_batch(&file, &labels);
    for name in VALUES {
        check_batch::<T>(&file, name, &batch.values);
    }
    check_batch::<T>(&file, "binary_cross_entropy", &batch.multi_label);
    for name in LABELS {
        check_batch::<T>(&file, name, &batch.classes);
    }
}

fn check_batch<T: Tested>(
    file: &SafeTensors<'_>,
    name: &str,
    data: &impl DataFor<Features<8>, Features<5>>,
) {
    let transposed = |values: &[f32]| -> Vec<f32> {
        let at = |place: usize| values[place % 8 * 5 + place / 8];
        (0..40).map(at).collect()
    };
    let mut weights = transposed(&floats(file, "outputs"));
    weights.extend([0.0; 5]);
    let net = T::new::<(Linear<8, 5>,)>(Weights::from_slice(&weights).unwrap());
    let uploaded = net.upload(data).unwrap();
    let order = [0, 1, 2, 3, 4, 5, 6, 7];
    let (value, gradient) = T::gradient(&net, &uploaded, &order, loss(file, name));
    let expected = floats(file, &format!("{name}.loss"))[0];
    // `f32` has seven digits; sums of some tens of terms lose one
    let close = (value - expected).abs() <= 1e-6 * expected;
    assert!(close, "{name}: {value} against {expected}");
    let expected = transposed(&floats(file, &format!("{name}.gradient")));
    let largest = expected.iter().fold(0f32, |most, v| most.max(v.abs()));
    for (at, (a, b)) in gradient.as_slice().iter().zip(&expected).enumerate() {
        let close = (a - b).abs() <= 1e-6 * largest;
        assert!(close, "{name} [{at}]: {a} against {b}");
    }
}

/// Outputs of 200, 89 (whose exponential is at the end of `f32`) and infinity; errors of exactly 0 and delta.
fn extreme_outputs_and_kinks_match_pytorch<T: Tested>() {
    let file = read("losses.safetensors");
    let file = SafeTensors::deserialize(&file).unwrap();
    for name in VALUES {
        check_extremes::<T, _>(&file, name, |targets, at| {
            let row = targets[5 * at..][..5].to_vec();
            Dataset::<Features<1>, Values<5>>::regression(vec![1.0], row).unwrap()
        });
    }
    check_extremes::<T, _>(&file, "binary_cross_entropy", |targets, at| {
        let row: Vec<bool> = targets[5 * at..][..5].iter().map(|&t| t == 1.0).collect();
        Dataset::<Features<1>, MultiLabel<5>>::multi_label(vec![1.0], &flags(&row)).unwrap()
    });
    for name in LABELS {
        let labels = bytes(&file, &format!("{name}.extreme.targets"));
        check_extremes::<T, _>(&file, name, |_, at| {
            let label = vec![labels[at]];
            Dataset::<Features<1>, Classes<5>>::from_values(vec![1.0], label).unwrap()
        });
    }
}

/// Each row is a batch of one sample, whose only feature is 1: its outputs are the weights.
fn check_extremes<T: Tested, D: DataFor<Features<1>, Features<5>>>(
    file: &SafeTensors<'_>,
    name: &str,
    data: impl Fn(&[f32], usize) -> D,
) {
    let tensor = |part: &str| floats(file, &format!("{name}.extreme.{part}"));
    let (outputs, targets) = (tensor("outputs"), tensor("targets"));
    let (losses, gradients) = (tensor("losses"), tensor("gradients"));
    let rows = outputs.chunks_exact(5).zip(gradients.chunks_exact(5));
    for (at, ((row, expected_gradient), expected)) in rows.zip(losses).enumerate() {
        let what = format!("{name}, {row:?}");
        let weights = [row, &[0.0; 5]].concat();
        let net = T::new::<(Linear<1, 5>,)>(Weights::from_slice(&weights).unwrap());
        let uploaded = net.upload(&data(&targets, at)).unwrap();
        let (value, gradient) = T::gradient(&net, &uploaded, &[0], loss(file, name));
        if expected.is_finite() {
            // 1e-7: dfdx computes `ln(1 + e)` without `ln_1p`
            let close = (value - expected).abs() <= 1e-6 * expected + 1e-7;
            assert!(close, "{what}: {value} against {expected}");
        } else {
            // which of infinity and NaN, depends on the order of the operations
            assert!(!value.is_finite(), "{what}: {value} against {expected}");
        }
        for (found, expected) in gradient.as_slice().iter().zip(expected_gradient) {
            // softmax and sigmoid are at most 1, rounded to 6e-8; weights are up to 3
            let close = (found - expected).abs() <= 5e-7;
            let is_nan = found.is_nan() && expected.is_nan();
            assert!(close || is_nan, "{what}: {found} against {expected}");
        }
    }
}

fn the_first_50_losses_with_every_loss_are_pytorchs<T: Tested>() {
    let (file, others) = (read("losses.safetensors"), read("training.safetensors"));
    let file = SafeTensors::deserialize(&file).unwrap();
    let others = SafeTensors::deserialize(&others).unwrap();
    let (classes, initial) = training(&others);
    let features = floats(&others, "features");
    let all: Vec<bool> = bytes(&file, "flags").iter().map(|&b| b == 1).collect();
    let values =
        Dataset::<Features<20>, Values<5>>::regression(features.clone(), floats(&file, "values"))
            .unwrap();
    let multi_label =
        Dataset::<Features<20>, MultiLabel<5>>::multi_label(features, &flags(&all)).unwrap();
    for name in VALUES {
        check_training::<T>(&file, name, &values, &initial);
    }
    check_training::<T>(&file, "binary_cross_entropy", &multi_label, &initial);
    for name in LABELS {
        check_training::<T>(&file, name, &classes, &initial);
    }
}

fn check_training<T: Tested>(
    file: &SafeTensors<'_>,
    name: &str,
    data: &impl DataFor<Features<20>, Features<5>>,
    initial: &Weights<Trained>,
) {
    let mut net = T::new::<Trained>(initial.clone());
    let uploaded = net.upload(data).unwrap();
    let adam = Adam {
        learning_rate: 0.01,
        ..Adam::default()
    };
    let recipe = Recipe {
        loss: loss(file, name),
        ..Recipe::of(adam)
    };
    let ours = train(&mut net, &uploaded, 400, &recipe, 8, 1);
    assert_losses(name, &ours, &floats(file, &format!("{name}.training")));
}
