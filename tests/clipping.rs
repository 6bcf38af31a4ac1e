//! Gradient clipping by norm: steps that it changes, steps that it does not, and invalid norms.

use tuplenet::{
    engine::{Processor, Run},
    prelude::*,
    shape::Features,
    target::Classes,
};

use crate::{
    engines::{Recipe, Tested, on_every_engine, optimizers, train},
    samples::Data,
};

type Net = (Linear<70, 33>, ReLU, Linear<33, 5>);

on_every_engine! {
    a_step_has_at_most_the_clip_norm
    a_norm_that_is_never_reached_changes_nothing
    an_invalid_norm_is_rejected
}

/// A fraction `density` of the features is non-zero, stored as bitmaps if sparse.
fn data(density: f32, seed: u64) -> Dataset<Features<70>, Classes<5>> {
    let data = Data {
        samples: 157,
        density,
        bytes: false,
        seed,
    };
    data.make()
}

fn norm(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}

/// A step of SGD with a learning rate of 1 subtracts the clipped gradient itself.
fn a_step_has_at_most_the_clip_norm<T: Tested>() {
    for density in [0.2, 1.0] {
        let dataset = data(density, 3);
        let weights = Weights::<Net>::init(1);
        let net = T::new::<Net>(weights.clone());
        let uploaded = net.upload(&dataset).unwrap();
        let order: Vec<u32> = (0..157).collect();
        let (_, gradient) = T::gradient(&net, &uploaded, &order, Loss::CrossEntropy);
        let length = norm(gradient.as_slice().iter().copied());
        for share in [0.01, 0.5, 0.999, 1.001, 50.0] {
            let max_norm = share * length;
            let mut net = T::new::<Net>(weights.clone());
            let sgd = Sgd {
                learning_rate: 1.0,
                ..Sgd::default()
            };
            let recipe = Recipe {
                clip_norm: Some(max_norm),
                ..Recipe::of(sgd)
            };
            train(&mut net, &uploaded, 157, &recipe, 157, 1);
            let factor = (max_norm / (length + 1e-6)).min(1.0);
            let after = net.weights().unwrap();
            let both = weights.as_slice().iter().zip(after.as_slice());
            let steps = both.map(|(before, after)| before - after);
            for (step, gradient) in steps.zip(gradient.as_slice()) {
                let expected = factor * f64::from(*gradient);
                // weights below 1, and gradients of some tenths, are rounded to 6e-8
                assert!(
                    (f64::from(step) - expected).abs() < 1.5e-7,
                    "{share}: {step} against {expected}"
                );
            }
        }
    }
}

fn a_norm_that_is_never_reached_changes_nothing<T: Tested>() {
    for density in [0.2, 1.0] {
        let dataset = data(density, 3);
        for optimizer in optimizers() {
            let trained = |clip_norm| {
                let mut net = T::new::<Net>(Weights::init(1));
                let uploaded = net.upload(&dataset).unwrap();
                let recipe = Recipe {
                    clip_norm,
                    ..Recipe::of(optimizer)
                };
                let losses = train(&mut net, &uploaded, 157, &recipe, 32, 3);
                (losses, net.weights().unwrap().sha256())
            };
            assert_eq!(trained(Some(1e6)), trained(None), "{optimizer:?}");
        }
    }
}

/// Previously stored gradients, of other samples or for another optimiser, do not contribute to a norm.
#[test]
fn stored_gradients_do_not_affect_a_later_norm() {
    let (first, second) = (left_half(1), right_half(2));
    let sgd = Recipe {
        clip_norm: Some(0.01),
        ..Recipe::of(Sgd::default())
    };
    let adam = Recipe {
        clip_norm: Some(0.01),
        ..Recipe::of(Adam::default())
    };
    for threads in [1, 2] {
        let processor = Processor::detect().threads(threads);
        let mut net = Fused::<Net>::on(processor, Weights::init(1)).unwrap();
        let (left, right) = (net.upload(&first).unwrap(), net.upload(&second).unwrap());
        train(&mut net, &left, 157, &adam, 32, 2);
        let order: Vec<u32> = (0..157).collect();
        net.gradient(&left, &order, Loss::CrossEntropy).unwrap();
        let mut fresh = Fused::<Net>::on(processor, net.weights().unwrap()).unwrap();
        let ours = train(&mut net, &right, 157, &sgd, 32, 2);
        assert_eq!(ours, train(&mut fresh, &right, 157, &sgd, 32, 2));
        assert_eq!(net.weights().unwrap(), fresh.weights().unwrap());
    }
}

/// Samples with only the first 35 features non-zero, and with only the others.
pub fn left_half(seed: u64) -> Dataset<Features<70>, Classes<5>> {
    half(seed, 0..35)
}

pub fn right_half(seed: u64) -> Dataset<Features<70>, Classes<5>> {
    half(seed, 35..70)
}

fn half(seed: u64, lit: std::ops::Range<usize>) -> Dataset<Features<70>, Classes<5>> {
    let whole = data(0.5, seed);
    let row = |sample: usize| {
        let mut row = whole.sample(sample).unwrap();
        for (feature, value) in row.iter_mut().enumerate() {
            if !lit.contains(&feature) {
                *value = 0.0;
            }
        }
        row
    };
    let values = (0..157).flat_map(row).collect();
    let labels = (0..157).map(|sample| whole.label(sample).unwrap() as u8);
    Dataset::from_values(values, labels.collect()).unwrap()
}

fn an_invalid_norm_is_rejected<T: Tested>() {
    let dataset = data(1.0, 3);
    for (norm, found) in [
        (0.0, "0"),
        (-1.0, "-1"),
        (f64::INFINITY, "inf"),
        (f64::NAN, "NaN"),
    ] {
        let words = format!("clip norm: expected a finite number above 0, found {found}");
        let mut net = T::new::<Net>(Weights::init(1));
        let mut trainer = Trainer::new(Sgd::default()).clip_norm(norm);
        let error = trainer.fit(&mut net, &dataset).unwrap_err();
        assert_eq!(error.to_string(), words);
        let uploaded = net.upload(&dataset).unwrap();
        let run = Run {
            order: &[0],
            batch_size: 1,
            optimizer: &Sgd::default().into(),
            schedule: Schedule::CONSTANT,
            total_steps: 0,
            loss: Loss::CrossEntropy,
            seed: 0,
            first_step: 0,
            clip_norm: Some(norm),
        };
        let error = net.train(&uploaded, &run, &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), words);
    }
}
