//! Every exit of a training keeps the documented guarantees: the best weights, a complete run folder, valid
//! checkpoints in an unlocked folder, and a resumed training that is bit-identical to an uninterrupted one.

mod faulty;

use std::{
    cell::{Cell, RefCell},
    fs,
    ops::ControlFlow,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::Value;
use tuplenet::{Error, Result, prelude::*, train::History};

use self::faulty::{Afresh, Faulty, samples};
use crate::engines::{Tested, on_every_engine};

type Net = (Linear<70, 9>, ReLU, Dropout<20>, Linear<9, 3>);

on_every_engine! {
    every_exit_keeps_the_guarantees
    a_resumed_training_that_fails_to_start_has_its_best_weights
    unchanged_samples_are_uploaded_once
    a_loss_that_is_not_finite_has_its_step_in_a_run_of_several
}

/// Trains on 39 samples in batches of 6: seven steps per epoch, each in a separate run.
const STEPS: usize = 7;
const EPOCHS: usize = 5;
/// The epoch of the injected fault.
const EPOCH: usize = 4;

/// How a training ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Exit {
    Complete,
    Patience,
    Break,
    Stop,
    LossNotFinite,
    WeightNotFinite,
    ValidationNotFinite,
    EngineTrains,
    EngineMeasures,
    EngineUploads,
    Data,
    CheckpointWrite,
    RunFolderWrite,
    PanicOnProgress,
    PanicOnEpoch,
    PanicInEngine,
    PanicInData,
}

impl Exit {
    const ALL: [Exit; 17] = [
        Exit::Complete,
        Exit::Patience,
        Exit::Break,
        Exit::Stop,
        Exit::LossNotFinite,
        Exit::WeightNotFinite,
        Exit::ValidationNotFinite,
        Exit::EngineTrains,
        Exit::EngineMeasures,
        Exit::EngineUploads,
        Exit::Data,
        Exit::CheckpointWrite,
        Exit::RunFolderWrite,
        Exit::PanicOnProgress,
        Exit::PanicOnEpoch,
        Exit::PanicInEngine,
        Exit::PanicInData,
    ];

    /// Its `outcome` in `run.json`.
    fn outcome(self) -> &'static str {
        match self {
            Exit::Complete | Exit::Patience | Exit::Break => "complete",
            Exit::Stop => "stopped",
            Exit::PanicOnProgress
            | Exit::PanicOnEpoch
            | Exit::PanicInEngine
            | Exit::PanicInData => "panicked",
            _ => "failed",
        }
    }

    /// Text in the error or the panic message.
    fn words(self) -> &'static str {
        match self {
            Exit::Complete | Exit::Patience | Exit::Break => "",
            Exit::Stop => "stopped in epoch 4 after step 3",
            Exit::LossNotFinite => "in epoch 4, step 3",
            Exit::WeightNotFinite => "a value of `0.weight` is not finite in epoch 4, step 7",
            Exit::ValidationNotFinite => "the loss is NaN in epoch 4, step 7",
            Exit::EngineTrains => "the third step fails",
            Exit::EngineMeasures => "no logits",
            Exit::EngineUploads => "no room",
            Exit::Data => "no samples",
            Exit::CheckpointWrite => "checkpoint-000000000028.safetensors: cannot write",
            Exit::RunFolderWrite => "history.jsonl: cannot write",
            Exit::PanicOnProgress => "a panic of on_progress",
            Exit::PanicOnEpoch => "a panic of on_epoch",
            Exit::PanicInEngine => "a panic of the engine",
            Exit::PanicInData => "a panic of the data",
        }
    }
}

fn trainer<'a>(epochs: usize) -> Trainer<'a> {
    let adam = Adam {
        learning_rate: 0.02,
        ..Adam::default()
    };
    Trainer::new(adam)
        .epochs(epochs)
        .batch(6)
        .seed(1)
        .validation(11)
}

/// The result of a training, and the values passed to its callbacks.
struct Observed<E> {
    result: std::thread::Result<Result<History>>,
    net: Faulty<E>,
    /// The validation loss of each epoch.
    losses: Vec<f64>,
    points: usize,
}

/// A training in `folder` that ends by `exit`, or is uninterrupted without one.
fn train<T: Tested>(
    folder: &Path,
    patience: Option<usize>,
    exit: Exit,
) -> Observed<T::Engine<Net>> {
    let mut net = Faulty::new(T::new::<Net>(Weights::init(2)), exit);
    let (stop, points) = (AtomicBool::new(false), Cell::new(0));
    let losses = RefCell::new(Vec::new());
    let checkpoints = folder.join("checkpoints");
    let mut trainer = trainer(EPOCHS)
        .checkpoints(Checkpoints::in_folder(&checkpoints).resume(true))
        .run_folder(folder.join("run"))
        .stop_when(&stop)
        .on_progress(|progress| {
            points.set(points.get() + 1);
            if progress.epoch == EPOCH && progress.steps as usize == (EPOCH - 1) * STEPS + 3 {
                stop.store(exit == Exit::Stop, Ordering::Relaxed);
                assert!(exit != Exit::PanicOnProgress, "a panic of on_progress");
            }
        })
        .on_epoch(|report| {
            losses.borrow_mut().push(report.validation_loss.unwrap());
            if report.epoch < EPOCH {
                return ControlFlow::Continue(());
            }
            match exit {
                // a folder instead of a file
                Exit::CheckpointWrite => {
                    fs::create_dir(checkpoints.join("checkpoint-000000000028.safetensors")).unwrap()
                }
                Exit::RunFolderWrite => {
                    let file = folder.join("run/history.jsonl");
                    fs::remove_file(&file).unwrap();
                    fs::create_dir_all(file.join("full")).unwrap();
                }
                Exit::PanicOnEpoch => panic!("a panic of on_epoch"),
                Exit::Break => return ControlFlow::Break(()),
                _ => {}
            }
            ControlFlow::Continue(())
        });
    if let Some(patience) = patience {
        trainer = trainer.early_stopping(EarlyStopping {
            patience,
            ..EarlyStopping::default()
        });
    }
    let data = Afresh {
        exit,
        measured: samples(1),
    };
    let fit = || trainer.fit(&mut net, &data);
    let result = panic::catch_unwind(AssertUnwindSafe(fit));
    drop(trainer);
    Observed {
        result,
        net,
        losses: losses.into_inner(),
        points: points.get(),
    }
}

/// The checksum of the weights after this many epochs without observers.
fn weights_after<T: Tested>(epochs: usize) -> String {
    let mut net = T::new::<Net>(Weights::init(2));
    trainer(epochs).fit(&mut net, &samples(0)).unwrap();
    net.weights().unwrap().sha256()
}

/// The first epoch with the minimum loss, from 1.
fn best_of(losses: &[f64]) -> usize {
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    1 + losses.iter().position(|loss| *loss == least).unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn every_exit_keeps_the_guarantees<T: Tested>() {
    check_exit::<T>(Exit::Patience, Some(1), None);
    for patience in [None, Some(9)] {
        let folder = tempfile::tempdir().unwrap();
        let whole = train::<T>(folder.path(), patience, Exit::Complete);
        let sum = whole.net.weights().unwrap().sha256();
        let uninterrupted = (sum, numbers(&whole.result.unwrap().unwrap()));
        for exit in Exit::ALL.into_iter().filter(|&exit| exit != Exit::Patience) {
            check_exit::<T>(exit, patience, Some(&uninterrupted));
        }
    }
}

/// `uninterrupted` has the checksum of the weights and the history of a complete training with the same patience.
fn check_exit<T: Tested>(
    exit: Exit,
    patience: Option<usize>,
    uninterrupted: Option<&(String, String)>,
) {
    let case = format!("{exit:?}, early stopping {patience:?}");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let observed = train::<T>(folder, patience, exit);
    let Observed {
        result,
        net,
        losses,
        points,
    } = observed;
    let weights = net.weights().unwrap().sha256();

    // the exit itself
    let words = match &result {
        Ok(Ok(history)) => {
            assert_eq!(history.epochs.len(), losses.len(), "{case}");
            String::new()
        }
        Ok(Err(error)) => error.to_string(),
        Err(panic) => (*panic.downcast_ref::<&str>().unwrap()).to_owned(),
    };
    assert!(words.contains(exit.words()), "{case}: {words}");
    assert_eq!(
        words.is_empty(),
        exit.outcome() == "complete",
        "{case}: {words}"
    );
    assert_eq!(result.is_err(), exit.outcome() == "panicked", "{case}");

    let epochs = match exit {
        Exit::Complete => EPOCHS,
        Exit::Patience => 2,
        Exit::Break | Exit::PanicOnEpoch | Exit::CheckpointWrite | Exit::RunFolderWrite => EPOCH,
        _ => EPOCH - 1,
    };
    assert_eq!(losses.len(), epochs, "{case}");

    // the network: its best weights, or those after the last step
    let best = patience.map(|_| best_of(&losses));
    if let Some(best) = best {
        assert!(
            best < losses.len(),
            "{case}: the last epoch is the best: {losses:?}"
        );
        assert_eq!(weights, weights_after::<T>(best), "{case}");
        assert!(net.optimizer_state().unwrap().is_none(), "{case}");
    } else {
        assert_eq!(Some(&weights), net.sums.last(), "{case}");
        assert_eq!(
            net.optimizer_state().unwrap().unwrap().steps as usize,
            net.sums.len() - 1,
            "{case}"
        );
    }

    // the run folder
    let run = json(&folder.join("run/run.json"));
    let digest = run["program_sha256"].as_str().unwrap();
    assert!(digest.len() == 64 && digest.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let record = &run["result"];
    assert_eq!(record["outcome"], exit.outcome(), "{case}");
    assert_eq!(record["error"].as_str().unwrap_or(""), words, "{case}");
    assert_eq!(record["weights_sha256"], weights, "{case}");
    assert_eq!(record["epochs"], losses.len(), "{case}");
    assert_eq!(record["best_epoch"].as_u64(), best.map(|e| e as u64));
    let history = folder.join("run/history.jsonl");
    if exit == Exit::RunFolderWrite {
        fs::remove_dir_all(history).unwrap();
    } else {
        let history = fs::read_to_string(history).unwrap();
        let of = |kind: &str| history.matches(&format!("\"kind\":\"{kind}\"")).count();
        let counts = (of("epoch"), of("progress"));
        assert_eq!(counts, (losses.len(), points), "{case}");
        // an epoch comes after its progress
        let mut ended = 0;
        for line in history.lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let epoch = line["epoch"].as_u64();
            assert!(
                line["kind"] == "warning" || epoch == Some(ended + 1),
                "{case}: {line}"
            );
            ended += u64::from(line["kind"] == "epoch");
        }
    }

    // the checkpoints: valid, in an unlocked folder, and resuming gives the result of an uninterrupted training
    if exit == Exit::CheckpointWrite {
        fs::remove_dir(folder.join("checkpoints/checkpoint-000000000028.safetensors")).unwrap();
    }
    let newest = Checkpoints::newest(folder.join("checkpoints"))
        .unwrap()
        .unwrap();
    let kept = Weights::<Net>::load(&newest).unwrap().sha256();
    if exit.outcome() == "complete" || exit == Exit::Stop {
        assert_eq!(kept, weights, "{case}: what `fit` left in the network");
    }
    let resumed = train::<T>(folder, patience, Exit::Complete);
    let history = resumed.result.unwrap().unwrap();
    let sum = resumed.net.weights().unwrap().sha256();
    if exit.outcome() == "complete" {
        assert_eq!(resumed.net.trained, 0, "{case}: it had ended");
        assert_eq!(
            (sum, history.epochs.len()),
            (weights, losses.len()),
            "{case}"
        );
        assert_eq!(history.best_epoch, best, "{case}");
    } else {
        let resumed = (sum, numbers(&history));
        assert_eq!(Some(&resumed), uninterrupted, "{case}");
    }
}

/// A file instead of the run folder: an error before the first step of a resumed training that has completed epochs.
fn a_resumed_training_that_fails_to_start_has_its_best_weights<T: Tested>() {
    let folder = tempfile::tempdir().unwrap();
    let stopped = train::<T>(folder.path(), Some(9), Exit::Stop);
    let run = folder.path().join("run");
    fs::remove_dir_all(&run).unwrap();
    fs::write(&run, "not a folder").unwrap();
    let resumed = train::<T>(folder.path(), Some(9), Exit::Complete);
    let error = resumed.result.unwrap().unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert_eq!(resumed.net.trained, 0);
    let best = weights_after::<T>(best_of(&stopped.losses));
    assert_eq!(resumed.net.weights().unwrap().sha256(), best);
}

/// The samples of [`Afresh`] are uploaded every epoch; those of a data set, which is in the same memory, once.
fn unchanged_samples_are_uploaded_once<T: Tested>() {
    let mut net = Faulty::new(T::new::<Net>(Weights::init(2)), Exit::Complete);
    trainer(3).fit(&mut net, &samples(0)).unwrap();
    assert_eq!((net.uploaded.get(), net.trained), (1, 3 * STEPS));
}

/// 102 steps are 34 runs of three; the last loss of the 24th is infinite.
fn a_loss_that_is_not_finite_has_its_step_in_a_run_of_several<T: Tested>() {
    let mut net = Faulty::new(T::new::<Net>(Weights::init(2)), Exit::LossNotFinite);
    let labels = (0..102).map(|i| (i % 3) as u8).collect();
    let data = Dataset::from_values(vec![0.5; 102 * 70], labels).unwrap();
    let fitted = Trainer::new(Sgd::default()).batch(1).fit(&mut net, &data);
    let error = fitted.unwrap_err().to_string();
    assert!(error.contains("in epoch 1, step 72"), "{error}");
}

/// The history without times.
fn numbers(history: &History) -> String {
    let mut history = history.clone();
    for epoch in &mut history.epochs {
        (epoch.train_seconds, epoch.samples_per_second) = (0.0, 0.0);
    }
    format!("{history:?}")
}
