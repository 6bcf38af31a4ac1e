//! Trainings with failing system calls: a feature that the file system lacks is a warning, any other failure is an error
//! that says what to do. The faults are injected between program and system, so they need no privileges and no disk.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tuplenet::{prelude::*, shape::Features, target::Classes};

use super::{again, told_folder};

const EPERM: i32 = 1;
const EIO: i32 = 5;
const EINVAL: i32 = 22;
const ENOSPC: i32 = 28;
const ENOLCK: i32 = 37;
const ENOSYS: i32 = 38;
const ENOTSUP: i32 = 95;
const EDQUOT: i32 = 122;

/// Trains with checkpoints and a run folder, and saves the weights over a file.
fn train(folder: &Path) -> tuplenet::Result<()> {
    let values = (0..60).map(|i| (i * i % 17) as f32 / 17.0).collect();
    let data = Dataset::<Features<3>, Classes<2>>::from_values(
        values,
        (0..20).map(|i| (i % 2) as u8).collect(),
    )?;
    let mut net = Fused::<(Linear<3, 2>,)>::new(Weights::init(1))?;
    let checkpoints = Checkpoints::in_folder(folder.join("checkpoints")).keep(1);
    let history = Trainer::new(Adam::default())
        .epochs(3)
        .batch(5)
        .checkpoints(checkpoints)
        .run_folder(folder.join("run"))
        .fit(&mut net, &data)?;
    println!("{history}");
    let weights = net.weights()?;
    weights.save(folder.join("saved.safetensors"))?;
    println!("weights {}", weights.sha256());
    Ok(())
}

/// The fault-injection library, or `None` if it cannot be built.
fn library(folder: &Path) -> Option<PathBuf> {
    let library = folder.join("faults.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("saving/faults.c");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o"]).arg(&library);
    match cc.arg(source).arg("-ldl").output() {
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{words}");
            Some(library)
        }
        Err(error) => {
            eprintln!("SKIPPED failing system calls: no C compiler `cc` ({error})");
            None
        }
    }
}

/// The result of [`train`] with the injected `faults`; `test` is the calling test.
fn train_with(test: &str, library: &Path, folder: &Path, faults: &str) -> Output {
    fs::create_dir(folder).unwrap();
    let saved = folder.join("saved.safetensors");
    fs::write(&saved, "earlier").unwrap();
    fs::create_dir(folder.join("checkpoints")).unwrap();
    fs::write(left_part(folder), "half").unwrap();
    let mut command = again(test, folder);
    command.env("LD_PRELOAD", library).env("FAULTS", faults);
    command.output().unwrap()
}

/// A temporary file of a killed training, or of one that is running.
fn left_part(folder: &Path) -> PathBuf {
    folder.join("checkpoints/.tuplenet-left.part")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_missing_file_system_feature_is_a_warning() {
    if let Some(folder) = told_folder() {
        return train(&folder).unwrap();
    }
    let parent = tempfile::tempdir().unwrap();
    let Some(library) = library(parent.path()) else {
        return;
    };
    let run = |name: &str, faults: &str| {
        let test = "faults::a_missing_file_system_feature_is_a_warning";
        let folder = parent.path().join(name);
        let Output {
            status,
            stdout,
            stderr,
        } = train_with(test, &library, &folder, faults);
        assert!(status.success(), "{faults}: {}", text(&stderr));
        let stdout = text(&stdout);
        let sum = stdout.lines().find(|line| line.starts_with("weights "));
        let sum = sum.unwrap().to_owned();
        let net = Weights::<(Linear<3, 2>,)>::load(folder.join("saved.safetensors")).unwrap();
        assert_eq!(sum, format!("weights {}", net.sha256()), "{faults}");
        (folder, stdout, sum)
    };
    let (folder, stdout, whole) = run("none", "");
    assert!(!stdout.contains("warning: "), "{stdout}");
    assert_eq!(checkpoints(&folder), 1);
    let cases = [
        (
            "flock",
            ENOLCK,
            "checkpoints: the file system does not lock files (No locks available",
        ),
        (
            "flock",
            ENOSYS,
            "checkpoints: the file system does not lock files (Function not implemented",
        ),
        (
            "flock",
            ENOTSUP,
            "checkpoints: the file system does not lock files (Operation not supported",
        ),
        (
            "fsync_file",
            EINVAL,
            "run: the file system does not sync files (Invalid argument",
        ),
        (
            "fsync_file",
            ENOSYS,
            "checkpoints: the file system does not sync files (Function",
        ),
        (
            "fsync_folder",
            EINVAL,
            "run: the file system does not sync folders (Invalid",
        ),
        (
            "fsync_folder",
            ENOTSUP,
            "checkpoints: the file system does not sync folders (Oper",
        ),
        (
            "unlink",
            EPERM,
            "checkpoint-000000000004.safetensors: cannot delete: Operation not permitted",
        ),
    ];
    for (number, (call, errno, words)) in cases.into_iter().enumerate() {
        let faults = format!("{call}={errno}");
        let (folder, stdout, sum) = run(&format!("{number}"), &faults);
        assert_eq!(sum, whole, "{faults}");
        // Once each in `Display`, in the history file and in `run.json`.
        let shown: Vec<&str> = stdout
            .lines()
            .filter(|line| line.starts_with("warning: "))
            .collect();
        let count = shown.iter().filter(|line| line.contains(words)).count();
        assert_eq!(count, 1, "{faults}: {stdout}");
        let lines = fs::read_to_string(folder.join("run/history.jsonl")).unwrap();
        let lines = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap());
        let mut warnings = lines.filter(|line: &serde_json::Value| line["kind"] == "warning");
        let is_it = |line: serde_json::Value| line["message"].as_str().unwrap().contains(words);
        assert!(warnings.any(is_it), "{faults}");
        let run_json = fs::read_to_string(folder.join("run/run.json")).unwrap();
        let run_json: serde_json::Value = serde_json::from_str(&run_json).unwrap();
        let written = run_json["result"]["warnings"].as_array().unwrap();
        assert_eq!(written.len(), shown.len(), "{faults}");
        // Without a lock it may belong to another training.
        let part_stays = ["flock", "unlink"].contains(&call);
        assert_eq!(left_part(&folder).exists(), part_stays, "{faults}");
        let is_left = if call == "unlink" { 3 } else { 1 };
        assert_eq!(checkpoints(&folder), is_left, "{faults}");
    }
    // A mode that cannot be set: no warning, as all files there have the same mode. No permission is added.
    for faults in ["fchmod=1", "fchmod=95"] {
        let (folder, stdout, sum) = run(faults, faults);
        assert_eq!(sum, whole, "{faults}");
        assert!(!stdout.contains("warning: "), "{stdout}");
        let saved = fs::metadata(folder.join("saved.safetensors")).unwrap();
        assert_eq!(saved.permissions().mode() & 0o777, 0o600);
    }
}

/// The number of checkpoints that `train` left.
fn checkpoints(folder: &Path) -> usize {
    let entries = fs::read_dir(folder.join("checkpoints")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_string_lossy().starts_with("checkpoint-"))
        .count()
}

#[test]
fn a_failure_is_an_error_with_a_remedy() {
    if let Some(folder) = told_folder() {
        return match train(&folder) {
            Ok(()) => panic!("the training went well"),
            Err(error) => println!("error: {error}"),
        };
    }
    let parent = tempfile::tempdir().unwrap();
    let Some(library) = library(parent.path()) else {
        return;
    };
    let cases = [
        (
            "flock",
            EIO,
            "checkpoints: cannot lock: ",
            "check the disk for errors",
        ),
        (
            "fsync_file",
            EIO,
            "run/run.json: cannot write: ",
            "check the disk for errors",
        ),
        (
            "fsync_file",
            ENOSPC,
            "run/run.json: cannot write: ",
            "make room there",
        ),
        (
            "fsync_file",
            EDQUOT,
            "run/run.json: cannot write: ",
            "make room there",
        ),
        (
            "fsync_folder",
            EIO,
            "run/run.json: cannot write: ",
            "check the disk for errors",
        ),
        ("fchmod", EIO, "cannot write: ", "check the disk for errors"),
    ];
    for (number, (call, errno, words, remedy)) in cases.into_iter().enumerate() {
        let faults = format!("{call}={errno}");
        let folder = parent.path().join(number.to_string());
        let test = "faults::a_failure_is_an_error_with_a_remedy";
        let output = train_with(test, &library, &folder, &faults);
        let stdout = text(&output.stdout);
        assert!(output.status.success(), "{faults}: {stdout}");
        let error = stdout.lines().find(|line| line.starts_with("error: "));
        let error = error.unwrap();
        assert!(
            error.contains(words) && error.contains(remedy),
            "{faults}: {error}"
        );
        // The earlier file is intact, and no temporary file is left.
        let saved = fs::read(folder.join("saved.safetensors")).unwrap();
        assert_eq!(saved, b"earlier");
        for folder in ["", "run"] {
            let entries = fs::read_dir(parent.path().join(number.to_string()).join(folder));
            let names = entries
                .into_iter()
                .flatten()
                .map(|it| it.unwrap().file_name());
            let mut names = names.map(|name| name.to_string_lossy().into_owned());
            assert!(!names.any(|name| name.ends_with(".part")), "{faults}");
        }
    }
}
