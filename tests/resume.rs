//! A stopped training resumes with a bit-identical result: from the engine's state and from checkpoints.

use std::{
    cell::Cell,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tuplenet::{
    Error, Result,
    data::{Augmented, Distortion},
    engine::{OptimizerState, Run},
    objective::Optimizer,
    prelude::*,
    shape::Features,
    target::Classes,
    train::History,
};

use crate::engines::{Tested, on_every_engine, optimizers};

type Net = (Linear<70, 9>, ReLU, Dropout<20>, Linear<9, 3>);

on_every_engine! {
    weights_and_state_are_sufficient_to_continue
    a_training_stopped_anywhere_resumes_bit_identically
    a_finished_training_continues_for_more_epochs
    the_best_weights_survive_a_stop
}

/// 50 samples with 30 % of the features non-zero, so that `Fused` skips zeros; feature 0 is always 0.
fn data() -> Dataset<Features<70>, Classes<3>> {
    let value = |i: usize| match (i * 7919) % 1000 {
        k if i.is_multiple_of(70) || k >= 300 => 0.0,
        k => k as f32 / 150.0 - 1.0,
    };
    let features = (0..50 * 70).map(value).collect();
    Dataset::from_values(features, (0..50).map(|i| (i * i % 3) as u8).collect()).unwrap()
}

/// Steps `first` to `last` over the samples in order, batches of 8.
fn steps<E: Engine<Net>>(net: &mut E, optimizer: &Optimizer, first: usize, last: usize) {
    let uploaded = net.upload(&data()).unwrap();
    for step in first..last {
        let order: Vec<u32> = (0..8).map(|i| ((step * 8 + i) % 50) as u32).collect();
        let run = Run {
            order: &order,
            batch_size: 8,
            optimizer,
            schedule: Schedule::CONSTANT,
            total_steps: 0,
            loss: Loss::CrossEntropy,
            seed: 5,
            first_step: step as u64,
            clip_norm: None,
        };
        net.train(&uploaded, &run, &mut Vec::new()).unwrap();
    }
}

fn weights_and_state_are_sufficient_to_continue<T: Tested>() {
    for optimizer in optimizers() {
        let mut whole = T::new::<Net>(Weights::init(3));
        assert!(whole.optimizer_state().unwrap().is_none());
        steps(&mut whole, &optimizer, 0, 7);
        let (weights, state) = (whole.weights().unwrap(), whole.optimizer_state().unwrap());
        let state = state.unwrap();
        assert_eq!((state.kind, state.steps), (optimizer.kind(), 7));
        steps(&mut whole, &optimizer, 7, 20);

        // an engine with other weights and another state, so that both must be replaced
        let mut other = T::new::<Net>(Weights::init(4));
        steps(&mut other, &optimizer, 0, 3);
        other.restore(&weights, Some(&state)).unwrap();
        assert_eq!(other.weights().unwrap(), weights);
        assert_eq!(other.optimizer_state().unwrap(), Some(state));
        steps(&mut other, &optimizer, 7, 20);
        assert_eq!(
            other.weights().unwrap().sha256(),
            whole.weights().unwrap().sha256(),
            "{optimizer:?}"
        );

        // without a state, the optimiser is reset
        other.restore(&weights, None).unwrap();
        assert!(other.optimizer_state().unwrap().is_none());
    }
}

#[test]
fn a_state_moves_between_engines() {
    for optimizer in optimizers() {
        let mut fused = Fused::<Net>::new(Weights::init(3)).unwrap();
        let mut tape = Tape::<Net>::new(Weights::init(4)).unwrap();
        steps(&mut fused, &optimizer, 0, 7);
        let state = fused.optimizer_state().unwrap();
        tape.restore(&fused.weights().unwrap(), state.as_ref())
            .unwrap();
        steps(&mut fused, &optimizer, 7, 12);
        steps(&mut tape, &optimizer, 7, 12);
        let (a, b) = (fused.weights().unwrap(), tape.weights().unwrap());
        for (a, b) in a.as_slice().iter().zip(b.as_slice()) {
            // as far apart as the two engines are after five steps (see parity.rs)
            assert!((a - b).abs() < 1e-4, "{a} against {b}: {optimizer:?}");
        }
    }
}

#[test]
fn a_state_with_too_few_moments_is_rejected() {
    let mut net = Fused::<Net>::new(Weights::init(3)).unwrap();
    let state = OptimizerState {
        kind: Optimizer::from(Adam::default()).kind(),
        steps: 1,
        moments: vec![Weights::zeros()],
    };
    let error = net.restore(&Weights::zeros(), Some(&state)).unwrap_err();
    let words = "optimiser's state: expected 2 moments, found 1";
    assert_eq!(error.to_string(), words);
    assert_eq!(net.weights().unwrap(), Weights::init(3));
}

fn trainer<'a>(epochs: usize) -> Trainer<'a> {
    let adam = Adam {
        learning_rate: 0.01,
        ..Adam::default()
    };
    Trainer::new(adam)
        .epochs(epochs)
        .batch(6)
        .seed(1)
        .validation(11)
}

/// Trains until `stop_at` runs of batches are done, or to the end.
fn train<T: Tested>(
    trainer: Trainer<'_>,
    checkpoints: Checkpoints,
    stop_at: Option<usize>,
) -> Result<(History, String)> {
    let (stop, runs) = (AtomicBool::new(false), Cell::new(0));
    let mut net = T::new::<Net>(Weights::init(2));
    let mut trainer = trainer
        .checkpoints(checkpoints)
        .stop_when(&stop)
        .on_progress(|_| {
            runs.set(runs.get() + 1);
            stop.store(Some(runs.get()) == stop_at, Ordering::Relaxed);
        });
    let history = trainer.fit(&mut net, &data())?;
    Ok((history, net.weights()?.sha256()))
}

/// The history without times.
fn numbers(history: &History) -> String {
    let mut history = history.clone();
    for epoch in &mut history.epochs {
        (epoch.train_seconds, epoch.samples_per_second) = (0.0, 0.0);
    }
    format!("{history:?}")
}

fn in_folder(folder: &Path) -> Checkpoints {
    Checkpoints::in_folder(folder).resume(true)
}

/// Seven steps per epoch, each in a separate run.
fn a_training_stopped_anywhere_resumes_bit_identically<T: Tested>() {
    let schedule = Schedule::from(OneCycle::default());
    let folder = tempfile::tempdir().unwrap();
    let whole = train::<T>(
        trainer(3).schedule(schedule),
        in_folder(folder.path()),
        None,
    )
    .unwrap();
    assert_eq!(whole.0.progress.len(), 21);
    for every in [None, Some(Duration::ZERO)] {
        for first in 1..=21 {
            let folder = tempfile::tempdir().unwrap();
            let checkpoints = || match every {
                None => in_folder(folder.path()),
                Some(every) => in_folder(folder.path()).every(every),
            };
            let stopped = train::<T>(trainer(3).schedule(schedule), checkpoints(), Some(first));
            let Err(Error::Stopped {
                epoch,
                step,
                checkpoint: Some(path),
            }) = stopped
            else {
                panic!("stopped after {first}: {stopped:?}")
            };
            assert_eq!((epoch, step), ((first - 1) / 7 + 1, (first - 1) % 7 + 1));
            assert!(path.exists());
            // and stopped a second time, if steps remain
            if let Err(error) = train::<T>(trainer(3).schedule(schedule), checkpoints(), Some(4)) {
                assert!(matches!(error, Error::Stopped { .. }), "{error}");
            }
            let resumed = train::<T>(trainer(3).schedule(schedule), checkpoints(), None).unwrap();
            assert_eq!(resumed.1, whole.1, "stopped after {first}");
            assert_eq!(numbers(&resumed.0), numbers(&whole.0));
            let kept = fs::read_dir(folder.path()).unwrap().count();
            assert!(kept <= 4, "{kept} files: three checkpoints and a lock");
        }
    }
}

/// Images augmented in every epoch, stopped within the third; a checkpoint with another distortion belongs to another
/// training.
#[test]
fn augmented_images_are_identical_after_resuming() {
    let digits = Digits::new(1).dataset(0..200).unwrap();
    let augmented = |distortion| Augmented::new(digits.clone(), [28, 28], distortion, 1).unwrap();
    let fit = |folder: &Path, distortion, stop_at: Option<usize>| -> Result<String> {
        let (stop, runs) = (AtomicBool::new(false), Cell::new(0));
        let mut net = Fused::<(Linear<784, 10>,)>::new(Weights::init(1))?;
        Trainer::new(Adam::default())
            .epochs(4)
            .checkpoints(in_folder(folder))
            .stop_when(&stop)
            .on_progress(|_| {
                runs.set(runs.get() + 1);
                stop.store(Some(runs.get()) == stop_at, Ordering::Relaxed);
            })
            .fit(&mut net, &augmented(distortion))?;
        Ok(net.weights()?.sha256())
    };
    let (whole, stopped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let simard = Distortion::SIMARD_2003;
    let sum = fit(whole.path(), simard, None).unwrap();
    fit(stopped.path(), simard, Some(5)).unwrap_err();
    let error = fit(stopped.path(), Distortion::IDENTITY, None).unwrap_err();
    assert!(
        error.to_string().contains("a training with `data`"),
        "{error}"
    );
    assert_eq!(fit(stopped.path(), simard, None).unwrap(), sum);
}

fn a_finished_training_continues_for_more_epochs<T: Tested>() {
    let (short, long) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let whole = train::<T>(trainer(5), in_folder(long.path()), None).unwrap();
    train::<T>(trainer(2), in_folder(short.path()), None).unwrap();
    let more = train::<T>(trainer(5), in_folder(short.path()), None).unwrap();
    assert_eq!((more.1, numbers(&more.0)), (whole.1, numbers(&whole.0)));
    // but not if the schedule would differ
    let cosine = |epochs| trainer(epochs).schedule(Cosine::default());
    let folder = tempfile::tempdir().unwrap();
    train::<T>(cosine(2), in_folder(folder.path()), None).unwrap();
    let error = train::<T>(cosine(3), in_folder(folder.path()), None)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected a training with `epochs` 3, found 2"),
        "{error}"
    );
}

/// A learning rate with an early minimum of the validation loss, so that the best epoch is not the last.
fn the_best_weights_survive_a_stop<T: Tested>() {
    let trainer = || {
        let adam = Adam {
            learning_rate: 0.05,
            ..Adam::default()
        };
        let stopping = EarlyStopping {
            patience: 4,
            ..EarlyStopping::default()
        };
        Trainer::new(adam)
            .epochs(60)
            .batch(6)
            .seed(1)
            .validation(11)
            .early_stopping(stopping)
    };
    let folder = tempfile::tempdir().unwrap();
    let (history, sum) = train::<T>(trainer(), in_folder(folder.path()), None).unwrap();
    let best = history.best_epoch.unwrap();
    assert_eq!(history.epochs.len(), best + 4, "ended by patience");
    let loss = |epoch: usize| history.epochs[epoch - 1].validation_loss.unwrap();
    assert!((1..=best + 4).all(|epoch| epoch == best || loss(epoch) >= loss(best)));
    let plain = Trainer::new(Adam {
        learning_rate: 0.05,
        ..Adam::default()
    });
    let at_best = train::<T>(
        plain.epochs(best).batch(6).seed(1).validation(11),
        Checkpoints::in_folder(folder.path().join("plain")),
        None,
    );
    assert_eq!(at_best.unwrap().1, sum, "the weights of the best epoch");
    // stopped after the best epoch, and resumed; then resumed with no steps left
    let stopped_folder = tempfile::tempdir().unwrap();
    let checkpoints = || in_folder(stopped_folder.path());
    train::<T>(trainer(), checkpoints(), Some(7 * (best + 2) + 3)).unwrap_err();
    for _ in 0..2 {
        let (resumed, resumed_sum) = train::<T>(trainer(), checkpoints(), None).unwrap();
        assert_eq!(
            (numbers(&resumed), resumed_sum),
            (numbers(&history), sum.clone())
        );
    }
}
