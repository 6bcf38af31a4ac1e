//! Checkpoints that must be rejected, and folders that cannot be written.

use std::{fs, path::Path, time::Duration};

use tuplenet::{
    Error,
    data::FeatureValues,
    engine::Processor,
    objective::{OneHot, TargetOf},
    prelude::*,
    shape::Features,
    target::Classes,
    train::History,
};

use crate::engines::{Tested, on_every_engine};

type Net = (Linear<3, 2>, ReLU, Linear<2, 2>);

on_every_engine! {
    non_finite_weights_stop_the_training_and_are_not_saved
}

fn data(shift: f32) -> Dataset<Features<3>, Classes<2>> {
    let features = (0..60)
        .map(|i| (i * i % 17) as f32 / 17.0 + shift)
        .collect();
    Dataset::from_values(features, (0..20).map(|i| (i % 2) as u8).collect()).unwrap()
}

fn trainer<'a>() -> Trainer<'a> {
    let early = EarlyStopping {
        patience: 9,
        ..EarlyStopping::default()
    };
    Trainer::new(Adam::default())
        .epochs(2)
        .batch(5)
        .validation(5)
        .early_stopping(early)
}

fn fit<L>(trainer: Trainer<'_, L>, checkpoints: Checkpoints) -> tuplenet::Result<History>
where
    Classes<2>: TargetOf<L>,
{
    let mut net = Fused::<Net>::new(Weights::init(1))?;
    trainer.checkpoints(checkpoints).fit(&mut net, &data(0.0))
}

fn resumed(folder: &Path) -> Checkpoints {
    Checkpoints::in_folder(folder).resume(true)
}

/// A folder with one checkpoint of a training of two epochs, and the checkpoint's path.
fn one_checkpoint() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fit(trainer(), Checkpoints::in_folder(folder.path()).keep(1)).unwrap();
    let path = Checkpoints::newest(folder.path()).unwrap().unwrap();
    (folder, path)
}

/// Every byte changed, one at a time, and every truncation: an error that names the file.
#[test]
fn a_checkpoint_with_any_changed_byte_is_rejected() {
    let (folder, path) = one_checkpoint();
    let whole = fs::read(&path).unwrap();
    assert!(fit(trainer(), resumed(folder.path())).is_ok());
    let alone = Processor::detect().threads(1);
    let mut net = Fused::<Net>::on(alone, Weights::init(1)).unwrap();
    let mut refused = |bytes: &[u8], what: &str, at: usize| {
        fs::write(&path, bytes).unwrap();
        let error = trainer()
            .checkpoints(resumed(folder.path()))
            .fit(&mut net, &data(0.0));
        let error = error.expect_err(&format!("{what} {at} of {}", whole.len()));
        let Error::Checkpoint { path: named, .. } = &error else {
            panic!("{what} {at}: {error}")
        };
        assert_eq!(named, &path);
        assert_eq!(
            net.weights().unwrap(),
            Weights::init(1),
            "nothing was taken from it"
        );
    };
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= [1, 0x20, 0xff][at % 3];
        refused(&bytes, "byte", at);
    }
    for len in 0..whole.len() {
        refused(&whole[..len], "length", len);
    }
    refused(&[&whole[..], b"\0"].concat(), "length", whole.len() + 1);
}

#[test]
fn a_checkpoint_of_another_training_is_rejected() {
    let (folder, _) = one_checkpoint();
    let says = |error: tuplenet::Result<History>, words: &str| {
        let text = error.unwrap_err().to_string();
        assert!(text.contains(words), "{text}");
        assert!(
            text.contains("checkpoint-000000000006.safetensors: expected"),
            "{text}"
        );
    };
    let on = |trainer| fit(trainer, resumed(folder.path()));
    let optimizer = Trainer::new(Sgd::default())
        .epochs(2)
        .batch(5)
        .validation(5);
    let early = EarlyStopping {
        patience: 9,
        ..EarlyStopping::default()
    };
    says(
        on(optimizer.early_stopping(early)),
        r#"`optimizer` {"Sgd":"#,
    );
    let rate = Trainer::new(Adam {
        learning_rate: 0.5,
        ..Adam::default()
    });
    says(
        on(rate.epochs(2).batch(5).validation(5).early_stopping(early)),
        "a training with `optimizer.Adam.learning_rate` 0.5, found 0.001",
    );
    says(
        on(trainer().batch(4)),
        "a training with `batch_size` 4, found 5",
    );
    says(on(trainer().seed(7)), "a training with `seed` 7, found 0");
    says(
        on(trainer().schedule(Cosine::default())),
        "a training with `schedule.curve`",
    );
    says(
        fit(
            trainer().loss(OneHot(MeanSquaredError)),
            resumed(folder.path()),
        ),
        "a training with `loss`",
    );

    let network = || {
        let mut net = Fused::<(Linear<3, 2>, Tanh, Linear<2, 2>)>::new(Weights::init(1))?;
        trainer()
            .checkpoints(resumed(folder.path()))
            .fit(&mut net, &data(0.0))
    };
    let words =
        r#"`network` "Linear<3, 2>, Tanh, Linear<2, 2>", found "Linear<3, 2>, ReLU, Linear<2, 2>""#;
    says(network(), words);
    let engine = || {
        let mut net = Tape::<Net>::new(Weights::init(1))?;
        trainer()
            .checkpoints(resumed(folder.path()))
            .fit(&mut net, &data(0.0))
    };
    says(
        engine(),
        r#"a training with `engine` "dfdx", found "fused""#,
    );
    let other_data = || {
        let mut net = Fused::<Net>::new(Weights::init(1))?;
        trainer()
            .checkpoints(resumed(folder.path()))
            .fit(&mut net, &data(0.5))
    };
    says(other_data(), "a training with `data`");
    says(
        fit(trainer(), Checkpoints::in_folder(folder.path())),
        "no checkpoints in the folder of a new training",
    );
}

#[test]
fn a_file_that_is_not_a_checkpoint_is_rejected() {
    let (folder, path) = one_checkpoint();
    Weights::<Net>::init(1).save(&path).unwrap();
    let error = fit(trainer(), resumed(folder.path()))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("found a safetensors file without `checkpoint`"),
        "{error}"
    );
    // and one of another version, even with a valid checksum
    let (folder, path) = one_checkpoint();
    let bytes = fs::read(&path).unwrap();
    let version = br#"{\"version\":1,"#;
    let found = bytes
        .windows(version.len())
        .position(|window| window == version);
    let at = found.unwrap() + version.len() - 2;
    let mut bytes = bytes;
    bytes[at] = b'2';
    fs::write(&path, bytes).unwrap();
    let error = fit(trainer(), resumed(folder.path()))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected a checkpoint of version 1, found version 2"),
        "{error}"
    );
}

#[test]
fn a_folder_has_one_training_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut inner = None;
    let mut net = Fused::<Net>::new(Weights::init(1)).unwrap();
    let mut outer = trainer()
        .checkpoints(Checkpoints::in_folder(folder.path()))
        .on_progress(|_| {
            inner.get_or_insert_with(|| {
                fit(trainer(), resumed(folder.path()))
                    .unwrap_err()
                    .to_string()
            });
        });
    outer.fit(&mut net, &data(0.0)).unwrap();
    drop(outer);
    let words = inner.unwrap();
    assert!(
        words.contains("expected a folder that no other training writes to"),
        "{words}"
    );
    assert!(
        fit(trainer(), resumed(folder.path())).is_ok(),
        "and the next one may have it"
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_before_training() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    let error = fit(trainer(), Checkpoints::in_folder(file.join("checkpoints"))).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Io {
                action: "write checkpoints in",
                ..
            }
        ),
        "{error}"
    );
    let error = fit(trainer(), Checkpoints::in_folder(folder.path()).keep(0)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "checkpoints kept: expected 1 or more, found 0"
    );
}

/// Temporary files of a killed program are removed, and no other files.
#[test]
fn temporary_files_of_a_killed_program_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (part, note) = (
        folder.path().join(".tuplenet-x1y2.part"),
        folder.path().join("note.txt"),
    );
    fs::write(&part, "half").unwrap();
    fs::write(&note, "mine").unwrap();
    fit(trainer(), Checkpoints::in_folder(folder.path())).unwrap();
    assert!(!part.exists() && note.exists());
}

/// One sample is so large that its step makes weights overflow, but not the loss: the error names
/// step and tensor, and the last checkpoint is from the preceding step.
fn non_finite_weights_stop_the_training_and_are_not_saved<T: Tested>() {
    let folder = tempfile::tempdir().unwrap();
    let mut features: Vec<f32> = (0..60).map(|i| (i * i % 17) as f32 * 1e-4).collect();
    features[3 * 7] = 1e38;
    let data = Dataset::from_values(features, (0..20).map(|i| (i % 2) as u8).collect()).unwrap();
    let mut net = T::new::<(Linear<3, 2>,)>(Weights::zeros());
    let sgd = Sgd {
        learning_rate: 100.0,
        ..Sgd::default()
    };
    let checkpoints = Checkpoints::in_folder(folder.path())
        .every(Duration::ZERO)
        .keep(100);
    let mut trainer = Trainer::new(sgd).batch(5).seed(1).checkpoints(checkpoints);
    let error = trainer.fit(&mut net, &data).unwrap_err();
    let text = error.to_string();
    let Error::NotFinite {
        epoch,
        step,
        tensor: Some(tensor),
        checkpoint: Some(path),
        ..
    } = error
    else {
        panic!("{text}")
    };
    assert!(
        text.contains(&format!("a value of `{tensor}` is not finite")),
        "{text}"
    );
    assert_eq!((epoch, tensor.as_str()), (1, "0.weight"));
    assert!(step >= 2, "there is a step before");
    let newest = Checkpoints::newest(folder.path()).unwrap().unwrap();
    assert_eq!(newest, path);
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(name, format!("checkpoint-{:012}.safetensors", step - 1));
    let bytes = fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    for (name, tensor) in file.iter() {
        let (values, _) = tensor.data().as_chunks::<4>();
        let mut values = values.iter().map(|&bytes| f32::from_le_bytes(bytes));
        assert!(values.all(f32::is_finite), "{name}");
    }
}

#[test]
fn a_folder_that_is_missing_has_no_checkpoints_and_a_file_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoints");
    assert_eq!(Checkpoints::newest(&path).unwrap(), None);
    fs::write(&path, "").unwrap();
    let error = Checkpoints::newest(&path).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}

#[test]
fn only_the_newest_checkpoints_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let mut net = Fused::<Net>::new(Weights::init(1)).unwrap();
    let checkpoints = Checkpoints::in_folder(folder.path())
        .every(Duration::ZERO)
        .keep(2);
    trainer()
        .epochs(5)
        .checkpoints(checkpoints)
        .fit(&mut net, &data(0.0))
        .unwrap();
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let expected = [
        ".tuplenet-lock",
        "checkpoint-000000000014.safetensors",
        "checkpoint-000000000015.safetensors",
    ];
    assert_eq!(names, expected);
}

/// With best weights that are not the last, and without: the weights that `fit` leaves in the network.
#[test]
fn weights_are_loaded_from_a_checkpoint() {
    let digits = Digits::new(1).dataset(0..200).unwrap();
    // the better the network has learnt the digits, the higher its loss on these
    let FeatureValues::Bytes { bytes, scale } = digits.features() else {
        panic!("digits are bytes")
    };
    let labels = (0..200).map(|i| (digits.label(i).unwrap() as u8 + 1) % 10);
    let contrary = Dataset::from_bytes(bytes.to_vec(), *scale, labels.collect()).unwrap();
    type Reader = (Linear<784, 4>, ReLU, Linear<4, 10>);
    let fit = |early_stopping: Option<EarlyStopping>| {
        let folder = tempfile::tempdir().unwrap();
        let mut net = Fused::<Reader>::new(Weights::init(1)).unwrap();
        let mut trainer = Trainer::new(Adam::default())
            .epochs(6)
            .batch(10)
            .checkpoints(Checkpoints::in_folder(folder.path()).keep(9));
        if let Some(early_stopping) = early_stopping {
            trainer = trainer.early_stopping(early_stopping);
        }
        let history = trainer
            .fit_with_validation(&mut net, &digits, &contrary)
            .unwrap();
        let newest = Checkpoints::newest(folder.path()).unwrap().unwrap();
        let loaded = Weights::<Reader>::load(&newest).unwrap();
        let bytes = fs::read(&newest).unwrap();
        assert_eq!(Weights::from_bytes(&bytes).unwrap(), loaded);
        let frozen = Frozen::<Reader>::from_bytes(&bytes).unwrap();
        let sample = digits.sample(3).unwrap();
        let close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-4;
        let (ours, theirs) = (frozen.predict(&sample), net.predict(&sample).unwrap());
        assert!(ours.iter().zip(&theirs).all(close), "{ours:?} {theirs:?}");
        assert_eq!(loaded, net.weights().unwrap());
        let other = Weights::<(Linear<784, 5>, ReLU, Linear<5, 10>)>::load(&newest);
        let words = "`0.weight`: expected F32 [5, 784], found F32 [4, 784]";
        let error = other.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        (history.best_epoch, loaded)
    };
    let (none, last) = fit(None);
    let (best, weights) = fit(Some(EarlyStopping {
        patience: 9,
        ..EarlyStopping::default()
    }));
    assert_eq!(none, None);
    assert!(best.is_some_and(|best| best < 6), "{best:?}");
    assert_ne!(weights, last);
}
