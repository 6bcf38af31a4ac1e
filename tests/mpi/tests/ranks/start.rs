//! Starts the ranks of a training, and reads what each of them reports.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// What a rank has after its training.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub losses: Vec<f64>,
    /// The checksum of weights and running statistics.
    pub weights: String,
    pub running: Vec<f64>,
    /// Those of some samples, computed by all ranks together.
    pub logits: Vec<f64>,
}

/// The reports of `count` ranks of a training with these options, in the order of ranks.
pub fn train(count: usize, options: &str) -> Vec<Report> {
    let folder = tempfile::tempdir().unwrap();
    let output = start(count, options, folder.path());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{count} ranks, {options}: {errors}"
    );
    (0..count).map(|rank| report(folder.path(), rank)).collect()
}

/// What a rank has written.
pub fn report(folder: &Path, rank: usize) -> Report {
    let text = std::fs::read(folder.join(format!("{rank}.json"))).unwrap();
    let report: Value = serde_json::from_slice(&text).unwrap();
    let numbers = |name: &str| {
        let numbers = report[name].as_array().unwrap().iter();
        numbers.map(|number| number.as_f64().unwrap()).collect()
    };
    Report {
        losses: numbers("losses"),
        weights: report["weights"].as_str().unwrap().to_owned(),
        running: numbers("running"),
        logits: numbers("logits"),
    }
}

/// The report of every one of `count` ranks of a training with these options, after which all have the same bits.
pub fn train_alike(count: usize, options: &str) -> Report {
    let mut reports = train(count, options);
    let first = reports.swap_remove(0);
    for (at, other) in reports.iter().enumerate() {
        assert_eq!(*other, first, "{} of {count} ranks, {options}", at + 1);
    }
    first
}

/// What the ranks of a training print that fails, by the exit code 1.
pub fn failure(count: usize, options: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = start(count, options, folder.path());
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{options}: {errors}");
    errors
}

/// The largest difference of two lists of numbers.
pub fn difference(first: &[f64], second: &[f64]) -> f64 {
    assert_eq!(first.len(), second.len());
    let both = first.iter().zip(second);
    let difference = both.map(|(a, b)| (a - b).abs());
    difference.fold(0.0, |most, one| if one <= most { most } else { one })
}

fn start(count: usize, options: &str, folder: &Path) -> Output {
    let mut mpirun = command(count, options, folder);
    mpirun.output().unwrap_or_else(|error| panic!("{error}"))
}

/// The command that starts the ranks of a training with these options, which write their reports in `folder`.
pub fn command(count: usize, options: &str, folder: &Path) -> Command {
    let mut mpirun = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/mpi"));
    // Tests run at once on the same cores, and root in a container is no other user's. A rank that waits in vain is a failure.
    mpirun
        .args(["--oversubscribe", "--bind-to", "none"])
        .args(["--timeout", "300", "-n", &count.to_string()])
        .args([env!("CARGO_BIN_EXE_rank"), "--out"])
        .arg(folder)
        .args(options.split_whitespace())
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .env("RUST_BACKTRACE", "0");
    mpirun
}
