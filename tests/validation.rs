//! Validation: samples split off the training set, never augmented, or a separate validation set.

use std::cell::Cell;

use tuplenet::{
    Error,
    data::{Augmented, Distortion},
    prelude::*,
    shape::Features,
    target::{Classes, Values},
};

use crate::engines::{Tested, on_every_engine};

type Net = (Linear<3, 8>, Tanh, Linear<8, 2>);

on_every_engine! {
    the_train_loss_is_a_mean_over_samples
    a_separate_validation_set_is_evaluated_completely
    an_equal_loss_is_not_an_improvement
    a_squared_error_is_evaluated_as_such
}

/// Points whose class is whether the features' sum is above 0, starting with `first`.
fn points(first: usize, count: usize) -> Dataset<Features<3>, Classes<2>> {
    let values =
        (first * 3..(first + count) * 3).map(|i| ((i * 7919) % 2001) as f32 / 1000.0 - 1.0);
    let values: Vec<f32> = values.collect();
    let above = |x: &[f32]| u8::from(x.iter().sum::<f32>() > 0.0);
    let labels = values.chunks(3).map(above).collect();
    Dataset::from_values(values, labels).unwrap()
}

/// A learning rate so small that no step changes a weight.
fn frozen() -> Sgd {
    Sgd {
        learning_rate: 1e-12,
        ..Sgd::default()
    }
}

/// The last batch of the epoch has 3 of 103 samples, the others have 10.
fn the_train_loss_is_a_mean_over_samples<T: Tested>() {
    // far from the others, so that a mean of batches would differ, wherever they are
    let mut features: Vec<f32> = (0..103 * 3).map(|i| (i % 7) as f32 / 7.0).collect();
    let labels: Vec<u8> = (0..103).map(|i| u8::from(i % 2 == 0)).collect();
    features
        .iter_mut()
        .step_by(11)
        .for_each(|value| *value *= 30.0);
    let data = Dataset::<Features<3>, Classes<2>>::from_values(features, labels).unwrap();
    for seed in 0..5 {
        let mut net = T::new::<Net>(Weights::init(1));
        let losses = Cell::new(0.0);
        let mut trainer = Trainer::new(frozen())
            .batch(10)
            .seed(seed)
            .on_progress(|progress| losses.set(losses.get() + f64::from(progress.loss) / 11.0));
        let history = trainer.fit(&mut net, &data).unwrap();
        drop(trainer);
        let (ours, expected) = (
            history.epochs[0].train_loss,
            net.evaluate(&data).unwrap().loss,
        );
        assert!((ours - expected).abs() < 1e-6, "{ours} against {expected}");
        let epoch = &history.epochs[0];
        assert_eq!(epoch.samples_per_second, 103.0 / epoch.train_seconds);
        assert_eq!(history.train_seconds(), epoch.train_seconds);
        let of_batches = losses.get();
        assert!((of_batches - expected).abs() > 1e-4, "the two means differ");
    }
}

fn a_separate_validation_set_is_evaluated_completely<T: Tested>() {
    let (train, validation) = (points(0, 60), points(60, 31));
    let mut net = T::new::<Net>(Weights::init(1));
    let trainer = || Trainer::new(Adam::default()).epochs(3).batch(10);
    let history = trainer()
        .fit_with_validation(&mut net, &train, &validation)
        .unwrap();
    let measured = net.evaluate(&validation).unwrap();
    let last = &history.epochs[2];
    assert_eq!(last.validation_loss, Some(measured.loss));
    assert_eq!(last.validation_accuracy, Some(measured.accuracy()));
    // every sample is trained on, as without a validation set
    assert_eq!(history.progress.last().unwrap().samples_done, 60);
    let mut alone = T::new::<Net>(Weights::init(1));
    trainer().fit(&mut alone, &train).unwrap();
    assert_eq!(net.weights().unwrap(), alone.weights().unwrap());

    let mut both = trainer().validation(5);
    let error = both.fit_with_validation(&mut net, &train, &validation);
    assert_eq!(
        error.unwrap_err().to_string(),
        "validation samples: expected 0 held out when there is a validation set, found 5"
    );
    let values = Dataset::<Features<3>, Values<2>>::regression(vec![0.0; 3], vec![0.0; 2]).unwrap();
    let mut labels_only = trainer().loss(Loss::CrossEntropy);
    let error = labels_only.fit_with_validation(&mut net, &train, &values);
    let words = "`MeanAbsoluteError` or `Huber` for a data set of target values";
    let error = error.unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
    let mut squares = trainer().loss(Loss::MeanSquaredError);
    let history = squares
        .fit_with_validation(&mut net, &train, &values)
        .unwrap();
    assert!(history.epochs[0].validation_loss.is_some());
    assert_eq!(history.epochs[0].validation_accuracy, None);
    assert_eq!(
        trainer()
            .early_stopping(EarlyStopping::default())
            .fit(&mut net, &train)
            .unwrap_err()
            .to_string(),
        "validation samples: expected 1 or more, or a validation set, for early stopping, found 0"
    );
}

/// With labels as well, whose targets are one-hot.
fn a_squared_error_is_evaluated_as_such<T: Tested>() {
    let (train, validation) = (points(0, 60), points(60, 31));
    let mut net = T::new::<Net>(Weights::init(1));
    let history = Trainer::new(frozen())
        .loss(Loss::MeanSquaredError)
        .fit_with_validation(&mut net, &train, &validation)
        .unwrap();
    let mut sum = 0.0;
    for index in 0..validation.len() {
        let logits = net.predict(&validation.sample(index).unwrap()).unwrap();
        let label = validation.label(index).unwrap();
        for (class, logit) in logits.into_iter().enumerate() {
            let target = f64::from(u8::from(class == label));
            sum += (f64::from(logit) - target).powi(2);
        }
    }
    let (found, expected) = (history.epochs[0].validation_loss.unwrap(), sum / 62.0);
    assert!(
        (found - expected).abs() < 1e-6,
        "{found} against {expected}"
    );
    let accuracy = net.evaluate(&validation).unwrap().accuracy();
    assert_eq!(history.epochs[0].validation_accuracy, Some(accuracy));
}

/// The first epoch is the best one, and patience counts from there.
fn an_equal_loss_is_not_an_improvement<T: Tested>() {
    let (train, validation) = (points(0, 60), points(60, 31));
    let mut net = T::new::<Net>(Weights::init(1));
    let history = Trainer::new(frozen())
        .epochs(9)
        .early_stopping(EarlyStopping {
            patience: 2,
            ..EarlyStopping::default()
        })
        .fit_with_validation(&mut net, &train, &validation)
        .unwrap();
    let losses: Vec<_> = history.epochs.iter().map(|e| e.validation_loss).collect();
    assert!(losses.iter().all(|loss| *loss == losses[0]), "{losses:?}");
    assert_eq!((history.best_epoch, losses.len()), (Some(1), 3));
}

/// Early stopping with a separate validation set; a training resumes only with the same set.
#[test]
fn a_checkpoint_belongs_to_its_validation_set() {
    let (train, validation) = (points(0, 60), points(60, 31));
    let folder = tempfile::tempdir().unwrap();
    let fit = |epochs, set: Option<&Dataset<Features<3>, Classes<2>>>| {
        let mut net = Fused::<Net>::new(Weights::init(1))?;
        let mut trainer = Trainer::new(Adam::default())
            .epochs(epochs)
            .checkpoints(Checkpoints::in_folder(folder.path()).resume(true));
        let history = match set {
            Some(set) => trainer.fit_with_validation(&mut net, &train, set),
            None => trainer.fit(&mut net, &train),
        };
        history.map(|history| (history.epochs.len(), net.weights().unwrap()))
    };
    fit(2, Some(&validation)).unwrap();
    for other in [None, Some(&points(61, 31))] {
        let error = fit(3, other).unwrap_err();
        assert!(matches!(error, Error::Checkpoint { .. }), "{error}");
        let words = "expected a training with `validation_set`";
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(fit(3, Some(&validation)).unwrap().0, 3);
}

/// Validation samples split off augmented images are evaluated without augmentation.
#[test]
fn validation_samples_are_not_augmented() {
    let digits = Digits::new(1).dataset(0..300).unwrap();
    let measured = |distortion: Option<Distortion>, held_back| {
        let mut net = Fused::<(Linear<784, 10>,)>::new(Weights::init(1)).unwrap();
        let mut trainer = Trainer::new(frozen()).epochs(2).validation(held_back);
        let history = match distortion {
            None => trainer.fit(&mut net, &digits),
            Some(distortion) => {
                let images = Augmented::new(digits.clone(), [28, 28], distortion, 1).unwrap();
                trainer.fit(&mut net, &images)
            }
        };
        let epochs = history.unwrap().epochs;
        assert_eq!(epochs.len(), 2);
        let of = |epoch: usize| (epochs[epoch].validation_loss, epochs[epoch].train_loss);
        [of(0), of(1)]
    };
    let plain = measured(None, 60);
    let distorted = measured(Some(Distortion::SIMARD_2003), 60);
    for epoch in 0..2 {
        assert!(plain[epoch].0.is_some());
        assert_eq!(distorted[epoch].0, plain[epoch].0, "not distorted");
        let (ours, plain) = (distorted[epoch].1, plain[epoch].1);
        assert!((ours - plain).abs() > 1e-3, "those trained on are");
    }
    assert_eq!(measured(Some(Distortion::SIMARD_2003), 0)[0].0, None);
}
