//! The trainer's guarantees on small data: determinism, short last batches, validation, invalid settings; and settings and
//! data that the engine `Fused` refuses.

use std::ops::ControlFlow;

use tuplenet::{
    Error, Result,
    data::DataFor,
    engine::{Processor, Run, Simd},
    prelude::*,
    shape::Features,
    target::{Classes, Values},
    train::History,
};

use crate::{
    engines::{Tested, on_every_engine},
    samples::Data,
};

type Net = (Linear<3, 16>, ReLU, Dropout<20>, Linear<16, 2>);

on_every_engine! {
    same_seed_is_bit_identical
    an_epoch_in_one_run_or_in_many_is_bit_identical
    the_short_last_batch_counts
    callbacks_see_every_epoch_and_can_stop
    regression_learns_a_line
    the_validation_loss_ignores_label_smoothing
    a_non_finite_loss_stops_the_training
    settings_out_of_range_are_rejected_before_training
    an_order_past_the_end_and_a_half_sample_are_errors
}

/// 103 points; the class is whether the features' sum is above 0.
fn data() -> Dataset<Features<3>, Classes<2>> {
    let features: Vec<f32> = (0..103 * 3)
        .map(|i| ((i * 7919) % 2001) as f32 / 1000.0 - 1.0)
        .collect();
    let labels = features
        .chunks(3)
        .map(|x| u8::from(x.iter().sum::<f32>() > 0.0))
        .collect();
    Dataset::from_values(features, labels).unwrap()
}

fn trained<T: Tested>(seed: u64) -> (History, String) {
    let mut net = T::new::<Net>(Weights::init(seed));
    let adam = Adam {
        learning_rate: 0.01,
        ..Adam::default()
    };
    let history = Trainer::new(adam)
        .epochs(3)
        .batch(10)
        .seed(seed)
        .validation(20)
        .fit(&mut net, &data())
        .unwrap();
    (history, net.weights().unwrap().sha256())
}

fn same_seed_is_bit_identical<T: Tested>() {
    let ((first, sum), (second, again), (_, other)) =
        (trained::<T>(1), trained::<T>(1), trained::<T>(2));
    assert_eq!(sum, again);
    assert_ne!(sum, other);
    for (a, b) in first.epochs.iter().zip(&second.epochs) {
        assert_eq!(
            (a.train_loss, a.validation_loss),
            (b.train_loss, b.validation_loss)
        );
    }
}

fn an_epoch_in_one_run_or_in_many_is_bit_identical<T: Tested>() {
    let whole = |cuts: usize| {
        let mut net = T::new::<Net>(Weights::init(5));
        let uploaded = net.upload(&data()).unwrap();
        let order: Vec<u32> = (0..100).collect();
        let optimizer = Sgd {
            momentum: 0.9,
            ..Sgd::default()
        }
        .into();
        let mut losses = Vec::new();
        for order in order.chunks(100 / cuts) {
            let first_step = losses.len() as u64;
            let loss = Loss::CrossEntropy;
            let run = Run {
                order,
                batch_size: 10,
                optimizer: &optimizer,
                schedule: OneCycle::default().into(),
                total_steps: 10,
                loss,
                seed: 3,
                first_step,
                clip_norm: None,
            };
            net.train(&uploaded, &run, &mut losses).unwrap();
        }
        (net.weights().unwrap().sha256(), losses)
    };
    assert_eq!(whole(1), whole(5));
}

fn the_short_last_batch_counts<T: Tested>() {
    let mut net = T::new::<Net>(Weights::init(1));
    let uploaded = net.upload(&data()).unwrap();
    let order: Vec<u32> = (0..103).collect();
    let optimizer = Sgd::default().into();
    let run = Run {
        order: &order,
        batch_size: 10,
        optimizer: &optimizer,
        schedule: Schedule::CONSTANT,
        total_steps: 0,
        loss: Loss::CrossEntropy,
        seed: 0,
        first_step: 0,
        clip_norm: None,
    };
    let mut losses = Vec::new();
    net.train(&uploaded, &run, &mut losses).unwrap();
    assert_eq!(losses.len(), 11);
    // and its loss is the mean over its own 3 samples
    let before = net.weights().unwrap();
    let last = &order[100..];
    let (alone, _) = T::gradient(&net, &uploaded, last, Loss::CrossEntropy);
    let mean: f32 = last
        .iter()
        .map(|&one| T::gradient(&net, &uploaded, &[one], Loss::CrossEntropy).0)
        .sum::<f32>()
        / 3.0;
    assert!((alone - mean).abs() < 1e-6, "{alone} against {mean}");
    assert_eq!(net.weights().unwrap(), before);
}

fn callbacks_see_every_epoch_and_can_stop<T: Tested>() {
    let mut net = T::new::<Net>(Weights::init(1));
    let (mut epochs, mut done) = (Vec::new(), Vec::new());
    let history = Trainer::new(Sgd::default())
        .epochs(9)
        .batch(10)
        .on_progress(|progress| done.push((progress.epoch, progress.samples_done)))
        .on_epoch(|report| {
            epochs.push(report.epoch);
            if report.epoch == 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .fit(&mut net, &data())
        .unwrap();
    assert_eq!(history.epochs.len(), 2);
    assert_eq!(epochs, [1, 2]);
    assert_eq!((done[0], done.last()), ((1, 10), Some(&(2, 103))));
}

fn regression_learns_a_line<T: Tested>() {
    type Line = (Linear<1, 1>,);
    let x: Vec<f32> = (0..50).map(|i| i as f32 / 25.0 - 1.0).collect();
    let y = x.iter().map(|x| 3.0 * x - 0.5).collect();
    let data = Dataset::<Features<1>, Values<1>>::regression(x, y).unwrap();
    let mut net = T::new::<Line>(Weights::init(1));
    let sgd = Sgd {
        learning_rate: 0.2,
        ..Sgd::default()
    };
    let history = Trainer::new(sgd)
        .loss(MeanSquaredError)
        .epochs(60)
        .batch(10)
        .validation(5)
        .fit(&mut net, &data)
        .unwrap();
    let weights = net.weights().unwrap();
    assert!(
        (weights.as_slice()[0] - 3.0).abs() < 1e-3 && (weights.as_slice()[1] + 0.5).abs() < 1e-3
    );
    assert!(history.epochs[59].validation_loss.unwrap() < 1e-5);
    assert_eq!(history.epochs[59].validation_accuracy, None);
    let error = Trainer::new(sgd)
        .loss(Loss::CrossEntropy)
        .fit(&mut net, &data)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`MeanAbsoluteError` or `Huber` for a data set of target values"),
        "{error}"
    );
    let evaluation = net.evaluate(&data).unwrap();
    assert!(evaluation.rmse() < 1e-3 && evaluation.r2() > 0.999);
    let error = Trainer::new(sgd)
        .loss(Loss::SmoothedCrossEntropy { smoothing: 0.1 })
        .fit(&mut net, &data)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("found `Loss::SmoothedCrossEntropy`, which takes labels"),
        "{error}"
    );
}

fn the_validation_loss_ignores_label_smoothing<T: Tested>() {
    let epoch = |loss| {
        let mut net = T::new::<Net>(Weights::init(1));
        // so small that no step changes a weight
        let sgd = Sgd {
            learning_rate: 1e-12,
            ..Sgd::default()
        };
        let mut trainer = Trainer::new(sgd).loss(loss).batch(10).validation(20);
        let history = trainer.fit(&mut net, &data()).unwrap();
        let report = history.epochs[0].clone();
        let evaluation = net.evaluate(&data()).unwrap();
        (report.validation_loss, evaluation.loss, report.train_loss)
    };
    let smoothed = epoch(Loss::SmoothedCrossEntropy { smoothing: 0.5 });
    let plain = epoch(Loss::CrossEntropy);
    assert_eq!((smoothed.0, smoothed.1), (plain.0, plain.1));
    assert!((smoothed.2 - plain.2).abs() > 1e-3);
}

fn a_non_finite_loss_stops_the_training<T: Tested>() {
    let mut net = T::new::<(Linear<3, 2>,)>(Weights::init(1));
    let sgd = Sgd {
        learning_rate: 1e39,
        ..Sgd::default()
    };
    let schedule = Schedule::from(OneCycle::default());
    let error = Trainer::new(sgd)
        .epochs(5)
        .batch(10)
        .schedule(schedule)
        .fit(&mut net, &data())
        .unwrap_err();
    assert!(error.to_string().contains("lower the learning rate"));
    let Error::NotFinite {
        epoch: 1,
        step: step @ 2..,
        learning_rate,
        ..
    } = error
    else {
        panic!("{error}")
    };
    // five epochs of eleven batches
    let used = schedule.learning_rate(1e39, step as u64 - 1, 55);
    assert_eq!(learning_rate, used);
}

fn settings_out_of_range_are_rejected_before_training<T: Tested>() {
    let says = |trainer: &mut Trainer<'_, Loss>, words: &str| {
        let mut net = T::new::<Net>(Weights::init(1));
        let before = net.weights().unwrap();
        let result: Result<History> = trainer.fit(&mut net, &data());
        assert_eq!(result.unwrap_err().to_string(), words);
        assert_eq!(net.weights().unwrap(), before);
    };
    let trainer = || Trainer::new(Sgd::default()).loss(Loss::CrossEntropy);
    says(
        &mut trainer().batch(0),
        "batch size: expected 1 or more, found 0",
    );
    says(
        &mut trainer().epochs(0),
        "epochs: expected 1 or more, found 0",
    );
    says(
        &mut trainer().validation(103),
        "validation samples: expected fewer than the 103 samples there are, found 103",
    );
    says(
        &mut Trainer::new(Sgd {
            learning_rate: f64::NAN,
            ..Sgd::default()
        })
        .loss(Loss::CrossEntropy),
        "learning rate: expected a finite number above 0, found NaN",
    );
    says(
        &mut trainer().loss(Loss::SmoothedCrossEntropy { smoothing: 1.5 }),
        "label smoothing: expected a number from 0 to 1, found 1.5",
    );
    let warm_up = 2.0;
    says(
        &mut trainer().schedule(OneCycle {
            warm_up,
            ..OneCycle::default()
        }),
        "warm-up: expected a number from 0 to 1, found 2",
    );
}

/// A step of 4 samples is too small for the thread pool, one of 64 is not: results do not depend on which computed the
/// preceding steps.
#[test]
fn alternating_between_thread_pool_and_one_thread_is_bit_identical() {
    use tuplenet::engine::Processor;

    let digits = Digits::new(1).dataset(0..200).unwrap();
    let trained = |threads| {
        let processor = Processor::detect().threads(threads);
        let mut net =
            Fused::<(Linear<784, 32>, Tanh, Linear<32, 10>)>::on(processor, Weights::init(1))
                .unwrap();
        for (seed, batch) in [64, 4, 64, 4, 64].into_iter().enumerate() {
            let mut trainer = Trainer::new(Adam::default()).batch(batch).seed(seed as u64);
            trainer.fit(&mut net, &digits).unwrap();
        }
        net.weights().unwrap().sha256()
    };
    let alone = trained(1);
    assert!([2, 3].map(trained).iter().all(|sum| *sum == alone));
}

/// [`Fused`] computes a long run in slices of some steps; each continues the schedule where the last one ended.
#[test]
fn a_run_in_slices_follows_the_schedule() {
    let digits = Digits::new(1).dataset(0..384).unwrap();
    let order: Vec<u32> = (0..384).collect();
    let trained = |batches_per_run: usize| {
        let mut net =
            Fused::<(Linear<784, 32>, Tanh, Linear<32, 10>)>::new(Weights::init(1)).unwrap();
        let data = net.upload(&digits).unwrap();
        let mut losses = Vec::new();
        for order in order.chunks(batches_per_run * 64) {
            let run = Run {
                order,
                batch_size: 64,
                optimizer: &Adam::default().into(),
                schedule: Cosine::default().into(),
                total_steps: 6,
                loss: Loss::CrossEntropy,
                seed: 0,
                first_step: losses.len() as u64,
                clip_norm: None,
            };
            net.train(&data, &run, &mut losses).unwrap();
        }
        (losses, net.weights().unwrap().sha256())
    };
    assert_eq!(trained(6), trained(1));
}

#[test]
fn engines_are_printed_with_their_device() {
    use tuplenet::engine::{Processor, Simd};

    let name = std::any::type_name::<Net>();
    let scalar = Processor::detect().simd(Simd::Scalar);
    for (threads, device) in [(1, "cpu, 1 thread, scalar"), (2, "cpu, 2 threads, scalar")] {
        let net = Fused::<Net>::on(scalar.threads(threads), Weights::init(1)).unwrap();
        assert_eq!(net.device(), device);
        assert_eq!(format!("{net:?}"), format!("Fused<{name}>({device})"));
    }
    let net = Tape::<Net>::new(Weights::init(1)).unwrap();
    assert_eq!(net.device(), "cpu");
    assert_eq!(format!("{net:?}"), format!("Tape<{name}> on cpu"));
}

#[test]
fn a_schedule_over_no_steps_is_rejected() {
    let optimizer = Sgd::default().into();
    let run = |schedule| Run {
        order: &[],
        batch_size: 1,
        optimizer: &optimizer,
        schedule,
        total_steps: 0,
        loss: Loss::CrossEntropy,
        seed: 0,
        first_step: 0,
        clip_norm: None,
    };
    assert!(
        run(Schedule::CONSTANT)
            .check(DataFor::samples(&data()), 2)
            .is_ok()
    );
    let error = run(Cosine::default().into())
        .check(DataFor::samples(&data()), 2)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "total steps: expected 1 or more for a schedule, found 0"
    );
}

fn an_order_past_the_end_and_a_half_sample_are_errors<T: Tested>() {
    let net = T::new::<Net>(Weights::init(1));
    let uploaded = net.upload(&data()).unwrap();
    let error = net.logits(&uploaded, &[0, 103]).unwrap_err().to_string();
    assert_eq!(error, "order: expected samples below 103, found 103");
    let error = net.forward(&[0.0; 4]).unwrap_err().to_string();
    assert_eq!(
        error,
        "data set: expected whole samples of 3 features, found 4 values"
    );
}

#[test]
fn a_trainer_is_printed_with_its_settings() {
    let trainer = Trainer::new(Sgd::default()).batch(37).on_progress(|_| {});
    let printed = format!("{trainer:?}");
    assert!(printed.contains("batch_size: 37"), "{printed}");
}

#[test]
fn settings_of_the_processor_are_checked() {
    type Net = (Linear<2, 2>,);
    let says = |processor: Processor, words: &str| {
        let error = Fused::<Net>::on(processor, Weights::init(1)).unwrap_err();
        assert_eq!(error.to_string(), words);
    };
    says(
        Processor::detect().threads(0),
        "threads: expected 1 or more, found 0",
    );
    if !Simd::Neon.is_available() {
        let best = Simd::detect().name();
        let words =
            format!("SIMD: expected instructions of this processor, such as {best}, found NEON");
        says(Processor::detect().simd(Simd::Neon), &words);
    }
}

#[test]
fn data_uploaded_for_another_network_are_rejected() {
    let data = Data {
        samples: 9,
        density: 1.0,
        bytes: false,
        seed: 1,
    };
    let other = Fused::<(Linear<7, 2>,)>::new(Weights::init(1)).unwrap();
    let uploaded = other.upload(&data.make::<7, 2>()).unwrap();
    let net = Fused::<(Linear<9, 2>,)>::new(Weights::init(1)).unwrap();
    let error = net.logits(&uploaded, &[0]).unwrap_err().to_string();
    let words = "data set: expected one uploaded by this network's engine, 9 features and 2 classes, \
        found another network's, 7 features and 2 classes";
    assert_eq!(error, words);
}
