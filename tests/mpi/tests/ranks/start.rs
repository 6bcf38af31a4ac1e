//! Starts the ranks of a training, and reads what each of them reports.

use std::process::{Command, Output};

use serde_json::Value;

/// What a rank has after its training.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub losses: Vec<f64>,
    /// The checksum of weights and running statistics.
    pub weights: String,
    pub running: Vec<f64>,
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
    let report = |rank: usize| {
        let text = std::fs::read(folder.path().join(format!("{rank}.json"))).unwrap();
        let report: Value = serde_json::from_slice(&text).unwrap();
        let numbers = |name: &str| {
            let numbers = report[name].as_array().unwrap().iter();
            numbers.map(|number| number.as_f64().unwrap()).collect()
        };
        Report {
            losses: numbers("losses"),
            weights: report["weights"].as_str().unwrap().to_owned(),
            running: numbers("running"),
        }
    };
    (0..count).map(report).collect()
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

/// What the ranks of a training print that fails.
pub fn failure(count: usize, options: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = start(count, options, folder.path());
    assert!(
        !output.status.success(),
        "{count} ranks, {options}: no error"
    );
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The largest difference of two lists of numbers.
pub fn difference(first: &[f64], second: &[f64]) -> f64 {
    assert_eq!(first.len(), second.len());
    let both = first.iter().zip(second);
    let difference = both.map(|(a, b)| (a - b).abs());
    difference.fold(0.0, |most, one| if one <= most { most } else { one })
}

fn start(count: usize, options: &str, folder: &std::path::Path) -> Output {
    let mut mpirun = Command::new("mpirun");
    // Tests run at once on the same cores, and root in a container is no other user's. A rank that waits in vain is a failure.
    mpirun
        .args([
            "--oversubscribe",
            "--bind-to",
            "none",
            "--timeout",
            "300",
            "-q",
        ])
        .args([
            "-n",
            &count.to_string(),
            env!("CARGO_BIN_EXE_rank"),
            "--out",
        ])
        .arg(folder)
        .args(options.split_whitespace())
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    mpirun.output().unwrap_or_else(|error| {
        panic!("cannot start `mpirun`: {error}; these tests need Open MPI, as Debian's openmpi-bin")
    })
}
