//! Training the same network again: what state is kept, and what is reset.

use std::{cell::RefCell, ops::ControlFlow};

use tuplenet::{Result, prelude::*, shape::Features, target::Classes, train::History};

use crate::engines::{Tested, on_every_engine, optimizers};

type Net = (Linear<70, 9>, ReLU, Dropout<20>, Linear<9, 3>);

on_every_engine! {
    continued_epochs_equal_one_training
    a_second_training_keeps_the_moments_and_repeats_the_order
    reset_optimizer_clears_the_state
    early_stopping_restarts_and_resets_the_optimizer
}

fn data() -> Dataset<Features<70>, Classes<3>> {
    let value = |i: usize| ((i * 7919) % 1000) as f32 / 500.0 - 1.0;
    let features = (0..50 * 70).map(value).collect();
    Dataset::from_values(features, (0..50).map(|i| (i * i % 3) as u8).collect()).unwrap()
}

/// Eight steps per epoch.
fn trainer<'a>(optimizer: impl Into<tuplenet::objective::Optimizer>) -> Trainer<'a> {
    Trainer::new(optimizer).batch(5).seed(3).validation(11)
}

fn momentum() -> Sgd {
    Sgd {
        learning_rate: 0.02,
        momentum: 0.9,
        ..Sgd::default()
    }
}

/// The history without times.
fn numbers(history: &History) -> (Vec<String>, Vec<String>) {
    let epochs = history.epochs.iter().map(|epoch| {
        let mut epoch = epoch.clone();
        (epoch.train_seconds, epoch.samples_per_second) = (0.0, 0.0);
        format!("{epoch:?}")
    });
    let points = history.progress.iter().map(|point| format!("{point:?}"));
    (epochs.collect(), points.collect())
}

/// Sample order, dropout, schedule, epoch and step numbers: any difference would change the result.
fn continued_epochs_equal_one_training<T: Tested>() {
    for optimizer in optimizers() {
        for schedule in [Schedule::CONSTANT, OneCycle::default().into()] {
            let trainer = || trainer(optimizer).epochs(5).schedule(schedule);
            let mut whole = T::new::<Net>(Weights::init(1));
            let at_once = trainer().fit(&mut whole, &data()).unwrap();

            let mut net = T::new::<Net>(Weights::init(1));
            let break_at_2 = |report: &tuplenet::train::EpochReport| match report.epoch {
                2 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            };
            let first = trainer()
                .on_epoch(break_at_2)
                .fit(&mut net, &data())
                .unwrap();
            let second = trainer().initial_epoch(2).fit(&mut net, &data()).unwrap();
            let (whole, parts) = (whole.weights().unwrap(), net.weights().unwrap());
            assert_eq!(parts.sha256(), whole.sha256(), "{optimizer:?} {schedule:?}");
            let (mut epochs, mut points) = numbers(&first);
            let (more_epochs, more_points) = numbers(&second);
            epochs.extend(more_epochs);
            points.extend(more_points);
            assert_eq!((epochs, points), numbers(&at_once));
        }
    }
}

fn a_second_training_keeps_the_moments_and_repeats_the_order<T: Tested>() {
    let mut net = T::new::<Net>(Weights::init(1));
    trainer(momentum())
        .epochs(2)
        .fit(&mut net, &data())
        .unwrap();
    let (weights, state) = (net.weights().unwrap(), net.optimizer_state().unwrap());
    assert_eq!(state.as_ref().unwrap().steps, 16);

    let second = trainer(momentum())
        .epochs(2)
        .fit(&mut net, &data())
        .unwrap();
    assert_eq!(second.epochs[0].epoch, 1);
    assert_eq!(second.progress[0].steps, 1);
    assert_eq!(net.optimizer_state().unwrap().unwrap().steps, 32);

    // the same with restored weights and optimiser state: there is no other state
    let mut other = T::new::<Net>(Weights::init(9));
    other.restore(&weights, state.as_ref()).unwrap();
    trainer(momentum())
        .epochs(2)
        .fit(&mut other, &data())
        .unwrap();
    assert_eq!(other.weights().unwrap(), net.weights().unwrap());
    // unlike with another order, or without the moments
    let trained = |seed: u64, state| {
        let mut other = T::new::<Net>(Weights::init(9));
        other.restore(&weights, state).unwrap();
        let mut trainer = trainer(momentum()).epochs(2).seed(seed);
        trainer.fit(&mut other, &data()).unwrap();
        other.weights().unwrap()
    };
    assert_eq!(trained(3, state.as_ref()), net.weights().unwrap());
    assert_ne!(trained(4, state.as_ref()), net.weights().unwrap());
    assert_ne!(trained(3, None), net.weights().unwrap());
}

fn reset_optimizer_clears_the_state<T: Tested>() {
    let adam = Adam {
        learning_rate: 0.01,
        ..Adam::default()
    };
    let mut net = T::new::<Net>(Weights::init(1));
    trainer(adam).epochs(2).fit(&mut net, &data()).unwrap();
    let mut fresh = T::new::<Net>(net.weights().unwrap());
    let mut reset = trainer(adam).epochs(2).reset_optimizer(true);
    reset.fit(&mut net, &data()).unwrap();
    assert_eq!(net.optimizer_state().unwrap().unwrap().steps, 16);
    trainer(adam).epochs(2).fit(&mut fresh, &data()).unwrap();
    assert_eq!(net.weights().unwrap(), fresh.weights().unwrap());

    // a training that resumes from a checkpoint keeps the checkpoint's state
    let folder = tempfile::tempdir().unwrap();
    let train = |net: &mut T::Engine<Net>, epochs| -> Result<()> {
        let checkpoints = Checkpoints::in_folder(folder.path()).resume(true);
        let trainer = trainer(adam).epochs(epochs).reset_optimizer(true);
        trainer.checkpoints(checkpoints).fit(net, &data())?;
        Ok(())
    };
    let (mut whole, mut parts) = (
        T::new::<Net>(Weights::init(1)),
        T::new::<Net>(Weights::init(1)),
    );
    trainer(adam).epochs(3).fit(&mut whole, &data()).unwrap();
    train(&mut parts, 1).unwrap();
    train(&mut parts, 3).unwrap();
    assert_eq!(parts.weights().unwrap(), whole.weights().unwrap());
}

fn early_stopping_restarts_and_resets_the_optimizer<T: Tested>() {
    let losses = RefCell::new(Vec::new());
    let mut net = T::new::<Net>(Weights::init(1));
    let mut trainer = trainer(momentum())
        .epochs(4)
        .early_stopping(EarlyStopping::default())
        .on_epoch(|report| {
            losses.borrow_mut().push(report.validation_loss.unwrap());
            ControlFlow::Continue(())
        });
    for _ in 0..2 {
        losses.borrow_mut().clear();
        let history = trainer.fit(&mut net, &data()).unwrap();
        let losses = losses.borrow();
        let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
        // the best of this training, regardless of the previous one
        assert_eq!(losses[history.best_epoch.unwrap() - 1], least);
        assert!(net.optimizer_state().unwrap().is_none());
    }
}

#[test]
fn an_initial_epoch_past_the_last_is_rejected() {
    let mut net = Fused::<Net>::new(Weights::init(1)).unwrap();
    let mut trainer = trainer(momentum()).epochs(3).initial_epoch(3);
    let error = trainer.fit(&mut net, &data()).unwrap_err();
    let words = "initial epoch: expected below the 3 epochs of the training, found 3";
    assert_eq!(error.to_string(), words);
    assert_eq!(net.weights().unwrap(), Weights::init(1));
}
