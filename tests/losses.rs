//! Losses by their textbook formulas in `f64`, and the engines for targets that are not labels.

use proptest::prelude::*;
use tuplenet::{
    engine::{Processor, Simd},
    objective::{CustomLoss, TargetOf, check_gradient},
    prelude::*,
    shape::Features,
    target::{Classes, MultiLabel, Values},
};

use crate::{
    cases::cases,
    engines::{LogCosh, Recipe, Tested, losses, on_every_engine, train},
    samples::Numbers,
};

on_every_engine! {
    a_batch_without_weight_has_no_loss
    a_training_of_several_labels_is_validated
    weights_repeat_samples
}

/// The mean loss of samples with these outputs and targets, both `[B][C]`.
pub(crate) fn mean_loss(loss: &Loss, outputs: &[Vec<f64>], targets: &[Vec<f64>]) -> f64 {
    let pairs = outputs.iter().zip(targets);
    let each = pairs.map(|(y, t)| of_sample(loss, y, t));
    let (sum, weight) = each.fold((0.0, 0.0), |(a, b), (c, d)| (a + c, b + d));
    sum / weight
}

/// One-hot targets of labels below `classes`.
pub(crate) fn one_hot(labels: &[u8], classes: usize) -> Vec<Vec<f64>> {
    let row = |&label: &u8| (0..classes).map(move |c| f64::from(u8::from(c == usize::from(label))));
    labels.iter().map(|label| row(label).collect()).collect()
}

/// A sample's loss times its weight, and its weight.
fn of_sample(loss: &Loss, y: &[f64], t: &[f64]) -> (f64, f64) {
    let largest = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = largest + y.iter().map(|v| (v - largest).exp()).sum::<f64>().ln();
    let label = t.iter().position(|&t| t == 1.0);
    // -ln softmax(y)[class]
    let surprise = |class: usize| log_sum - y[class];
    let of_label = || surprise(label.expect("a label"));
    let mean = |each: &dyn Fn(f64, f64) -> f64| {
        let each = y.iter().zip(t).map(|(&y, &t)| each(y, t));
        each.sum::<f64>() / y.len() as f64
    };
    let value = match loss {
        Loss::CrossEntropy => of_label(),
        Loss::SmoothedCrossEntropy { smoothing } => {
            let all = (0..y.len()).map(surprise).sum::<f64>() / y.len() as f64;
            (1.0 - smoothing) * of_label() + smoothing * all
        }
        Loss::WeightedCrossEntropy { weights, smoothing } => {
            let weight = f64::from(weights[label.expect("a label")]);
            let all = (0..y.len()).map(|class| f64::from(weights[class]) * surprise(class));
            let all = all.sum::<f64>() / y.len() as f64;
            let value = (1.0 - smoothing) * weight * of_label() + smoothing * all;
            return (value, weight);
        }
        Loss::MeanSquaredError => mean(&|y, t| (y - t).powi(2)),
        Loss::MeanAbsoluteError => mean(&|y, t| (y - t).abs()),
        Loss::Huber { delta } => mean(&|y, t| {
            let size = (y - t).abs();
            let inner = size.min(*delta);
            // the integral of the slope: a ramp up to `delta`, then a constant
            inner * inner / 2.0 + delta * (size - inner)
        }),
        Loss::BinaryCrossEntropy => {
            // ln(1 + exp(x)), by its dominant term where `exp` overflows
            let softplus = |x: f64| if x > 700.0 { x } else { x.exp().ln_1p() };
            mean(&|y, t| t * softplus(-y) + (1.0 - t) * softplus(y))
        }
        Loss::Custom(_) => mean(&|y, t| {
            let size = (y - t).abs();
            if size < 300.0 {
                size.cosh().ln()
            } else {
                size - 2f64.ln()
            }
        }),
        other => panic!("no formula for {other:?}"),
    };
    (value, 1.0)
}

/// Whether an output is so near to its target that the engines may take different signs as the slope of the mean
/// absolute error, and both are correct.
pub(crate) fn is_at_a_kink(loss: &Loss, outputs: &[Vec<f64>], targets: &[Vec<f64>]) -> bool {
    let pairs = outputs.iter().flatten().zip(targets.iter().flatten());
    // a hundred times the rounding error of an output
    let mut near = pairs.map(|(y, t)| (y - t).abs() < 1e-5 * y.abs().max(1.0));
    *loss == Loss::MeanAbsoluteError && near.any(|is_near| is_near)
}

#[test]
fn the_custom_loss_of_the_tests_has_its_gradient() {
    check_gradient(&LogCosh, &[0.3, -1.0, 2.0], &[0.0, 1.0, 0.0]).unwrap();
}

/// Several batch sizes on one thread and several, for one processor: loss, gradient and eight steps.
fn matches_the_tape<T, const N: usize>(
    data: &Dataset<Features<7>, T>,
    targets: &[Vec<f64>],
    losses: &[Loss],
    batch_size: usize,
) where
    Dataset<Features<7>, T>: tuplenet::data::DataFor<Features<7>, Features<N>>,
    T: tuplenet::target::Target,
{
    type Net<const N: usize> = (Linear<7, N>,);
    let tape = Tape::<Net<N>>::new(Weights::init(3)).unwrap();
    let on_tape = tape.upload(data).unwrap();
    let order: Vec<u32> = (0..data.len() as u32).rev().collect();
    let outputs = tape.logits(&on_tape, &order).unwrap();
    let rows = outputs.chunks(N);
    let outputs: Vec<Vec<f64>> = rows
        .map(|row| row.iter().map(|&y| y.into()).collect())
        .collect();
    let targets: Vec<Vec<f64>> = order
        .iter()
        .map(|&at| targets[at as usize].clone())
        .collect();
    for loss in losses {
        if is_at_a_kink(loss, &outputs, &targets) {
            continue;
        }
        let expected = mean_loss(loss, &outputs, &targets);
        let (theirs, their_gradient) = tape.gradient(&on_tape, &order, loss.clone()).unwrap();
        let what = format!("{loss:?}, {N} outputs, {} samples", data.len());
        // `f32` carries 7 digits; a sum of some hundred terms loses two
        let near = |value: f32| (f64::from(value) - expected).abs() <= 1e-5 * expected;
        assert!(near(theirs), "{what}: {theirs} against {expected}");
        let mut trained = None;
        let (detected, scalar) = (Processor::detect(), Processor::detect().simd(Simd::Scalar));
        for (processor, is_scalar) in [
            (detected.threads(1), false),
            (detected.threads(3), false),
            (scalar.threads(2), true),
        ] {
            let mut fused = Fused::<Net<N>>::on(processor, Weights::init(3)).unwrap();
            let on_fused = fused.upload(data).unwrap();
            let (ours, our_gradient) = fused.gradient(&on_fused, &order, loss.clone()).unwrap();
            assert!(near(ours), "{what}: {ours} against {expected}");
            let theirs = their_gradient.as_slice();
            let largest = theirs.iter().fold(0f32, |most, v| most.max(v.abs()));
            for (a, b) in our_gradient.as_slice().iter().zip(theirs) {
                let close = (a - b).abs() <= 1e-5 * largest + 1e-7;
                assert!(close, "{what} {processor:?}: {a} against {b}");
            }
            let recipe = Recipe {
                loss: loss.clone(),
                ..Recipe::of(Adam::default())
            };
            let losses = train(&mut fused, &on_fused, data.len(), &recipe, batch_size, 2);
            if !is_scalar {
                let bits = (losses, fused.weights().unwrap());
                assert_eq!(*trained.get_or_insert_with(|| bits.clone()), bits, "{what}");
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(24))]

    /// Outputs that fill a block of 16 columns, and that do not.
    #[test]
    fn values_and_several_labels_match_the_tape(samples in 1usize..40, batch_size in 1usize..41, seed: u64) {
        fn check<const N: usize>(samples: usize, batch_size: usize, seed: u64) {
            let mut numbers = Numbers(seed);
            let features: Vec<f32> = (0..samples * 7).map(|_| 4.0 * numbers.next() - 2.0).collect();
            let rows = |values: Vec<f32>| -> Vec<Vec<f64>> {
                values.chunks(N).map(|row| row.iter().map(|&v| v.into()).collect()).collect()
            };
            let values: Vec<f32> = (0..samples * N).map(|_| 3.0 * numbers.next() - 1.5).collect();
            let data = Dataset::<Features<7>, Values<N>>::regression(features.clone(), values.clone()).unwrap();
            let of_values: Vec<Loss> = vec![
                MeanSquaredError.into(), MeanAbsoluteError.into(), Huber { delta: 0.6 }.into(), LogCosh.into(),
            ];
            matches_the_tape::<_, N>(&data, &rows(values), &of_values, batch_size);
            let labels: Vec<[bool; N]> = (0..samples).map(|_| std::array::from_fn(|_| numbers.next() < 0.3)).collect();
            let data = Dataset::<Features<7>, MultiLabel<N>>::multi_label(features, &labels).unwrap();
            let flags = labels.iter().flatten().map(|&label| f32::from(u8::from(label))).collect();
            let of_labels: Vec<Loss> = vec![BinaryCrossEntropy.into(), LogCosh.into()];
            matches_the_tape::<_, N>(&data, &rows(flags), &of_labels, batch_size);
        }
        match seed % 5 {
            0 => check::<1>(samples, batch_size, seed),
            1 => check::<8>(samples, batch_size, seed),
            2 => check::<16>(samples, batch_size, seed),
            3 => check::<19>(samples, batch_size, seed),
            _ => check::<33>(samples, batch_size, seed),
        }
    }
}

/// As in PyTorch, 0 / 0; the trainer reports it.
fn a_batch_without_weight_has_no_loss<T: Tested>() {
    type Net = (Linear<1, 2>,);
    let data =
        Dataset::<Features<1>, Classes<2>>::from_values(vec![0.5; 3], vec![1, 1, 0]).unwrap();
    let loss = WeightedCrossEntropy {
        weights: [1.0, 0.0],
        smoothing: 0.0,
    };
    let mut net = T::new::<Net>(Weights::init(1));
    let uploaded = net.upload(&data).unwrap();
    let (value, _) = T::gradient(&net, &uploaded, &[0, 1], loss.into());
    assert!(value.is_nan());
    let (value, _) = T::gradient(&net, &uploaded, &[0, 1, 2], loss.into());
    let (alone, _) = T::gradient(&net, &uploaded, &[2], loss.into());
    assert_eq!(value, alone);
    let mut trainer = Trainer::new(Sgd::default()).batch(1).loss(loss);
    let error = trainer.fit(&mut net, &data).unwrap_err();
    assert!(
        matches!(error, tuplenet::Error::NotFinite { .. }),
        "{error}"
    );
}

/// A class with a weight of 2 counts as if its samples were there twice.
fn weights_repeat_samples<T: Tested>() {
    type Net = (Linear<3, 4>, Tanh, Linear<4, 3>);
    let mut numbers = Numbers(5);
    let features: Vec<f32> = (0..7 * 3).map(|_| numbers.next()).collect();
    let labels = vec![0, 1, 2, 1, 0, 2, 2];
    let data = Dataset::<Features<3>, Classes<3>>::from_values(features, labels).unwrap();
    let net = T::new::<Net>(Weights::init(1));
    let uploaded = net.upload(&data).unwrap();
    let weighted = WeightedCrossEntropy {
        weights: [1.0, 2.0, 3.0],
        smoothing: 0.0,
    };
    let (value, gradient) = T::gradient(&net, &uploaded, &[0, 1, 2, 3], weighted.into());
    let repeated = [0, 1, 1, 2, 2, 2, 3, 3];
    let (expected, expected_gradient) = T::gradient(&net, &uploaded, &repeated, Loss::CrossEntropy);
    // sums of eight terms, rounded differently
    assert!((value - expected).abs() < 1e-6 * expected);
    let pairs = gradient.as_slice().iter().zip(expected_gradient.as_slice());
    for (a, b) in pairs {
        assert!((a - b).abs() < 1e-6, "{a} against {b}");
    }
    // the validation loss is weighted, too
    let mut net = T::new::<Net>(Weights::init(1));
    let sgd = Sgd {
        learning_rate: 1e-20,
        ..Sgd::default()
    };
    let history = Trainer::new(sgd)
        .loss(WeightedCrossEntropy {
            weights: [1.0, 2.0, 3.0],
            smoothing: 0.3,
        })
        .fit_with_validation(&mut net, &data, &data)
        .unwrap();
    let all = [0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 5, 5, 6, 6, 6];
    let (expected, _) = T::gradient(&net, &uploaded, &all, Loss::CrossEntropy);
    let found = history.epochs[0].validation_loss.unwrap();
    assert!((found - f64::from(expected)).abs() < 1e-6, "{found}");
}

fn a_training_of_several_labels_is_validated<T: Tested>() {
    type Net = (Linear<2, 3>,);
    let mut numbers = Numbers(3);
    let features: Vec<f32> = (0..200).map(|_| 2.0 * numbers.next() - 1.0).collect();
    let labels: Vec<[bool; 3]> = features
        .chunks(2)
        .map(|x| [x[0] > 0.0, x[0] + x[1] > 0.0, x[1] < 0.3])
        .collect();
    let data = Dataset::<Features<2>, MultiLabel<3>>::multi_label(features, &labels).unwrap();
    let mut net = T::new::<Net>(Weights::init(1));
    let adam = Adam {
        learning_rate: 0.1,
        ..Adam::default()
    };
    let history = Trainer::new(adam)
        .epochs(60)
        .batch(20)
        .validation(20)
        .loss(BinaryCrossEntropy)
        .fit(&mut net, &data)
        .unwrap();
    let last = history.epochs.last().unwrap();
    // from ln 2
    assert!(
        last.train_loss < 0.15 && last.validation_loss.unwrap() < 0.2,
        "{last}"
    );
    assert_eq!(last.validation_accuracy, None);
    let right = (0..100).filter(|&at| {
        let logits = net.predict(&data.sample(at).unwrap()).unwrap();
        logits.map(|logit| logit > 0.0) == data.labels(at).unwrap()
    });
    let right = right.count();
    assert!(right > 90);
    let evaluation = net.evaluate(&data).unwrap();
    assert_eq!(evaluation.exact_matches(), right as f64 / 100.0);
    assert!(evaluation.loss() < 0.2 && evaluation.accuracy() > 0.95);
    for loss in losses(3) {
        let mut trainer = Trainer::new(adam).loss(loss.clone());
        let result = trainer.fit(&mut net, &data);
        let fits = matches!(loss, Loss::BinaryCrossEntropy | Loss::Custom(_));
        assert_eq!(result.is_ok(), fits, "{loss:?}");
    }
}

impl<const N: usize> TargetOf<LogCosh> for Values<N> {}

#[test]
fn a_loss_of_ones_own_is_chosen_by_its_type() {
    let features = vec![0.0, 1.0, 2.0, 3.0];
    let data = Dataset::<Features<1>, Values<1>>::regression(features, vec![1.0, 3.0, 5.0, 7.0]);
    let data = data.unwrap();
    let mut net = Fused::<(Linear<1, 1>,)>::new(Weights::init(1)).unwrap();
    let sgd = Sgd {
        learning_rate: 0.1,
        ..Sgd::default()
    };
    let history = Trainer::new(sgd)
        .epochs(400)
        .loss(LogCosh)
        .fit(&mut net, &data);
    assert!(history.unwrap().epochs[399].train_loss < 1e-6);
    assert_eq!(LogCosh.name(), "LogCosh");
}
