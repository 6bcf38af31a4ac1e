//! Trials that are farmed out by `mpirun`'s processes: the same results with any number of them, also if one is killed.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// A farm that is running.
struct Farm {
    mpirun: Child,
    folder: TempDir,
}

fn begin(ranks: usize, options: &str, arguments: &[&str]) -> Farm {
    let folder = tempfile::tempdir().unwrap();
    let mut mpirun = Command::new("mpirun");
    mpirun
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .args(["--oversubscribe", "-n", &ranks.to_string()])
        .args(options.split_whitespace())
        .arg(env!("CARGO_BIN_EXE_farm"))
        .args(arguments)
        .arg("--out")
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Farm {
        mpirun: mpirun.spawn().unwrap(),
        folder,
    }
}

impl Farm {
    /// What each rank has in the end, but those that were lost, and the folder with their files.
    fn end(self) -> (Vec<Value>, TempDir) {
        let Output { status, stderr, .. } = self.mpirun.wait_with_output().unwrap();
        let reports = (0..8).filter_map(|rank| {
            let report = fs::read(self.folder.path().join(format!("{rank}.json"))).ok()?;
            Some(serde_json::from_slice(&report).unwrap())
        });
        let reports: Vec<Value> = reports.collect();
        let printed = String::from_utf8_lossy(&stderr);
        assert!(!reports.is_empty(), "{status}: {printed}");
        (reports, self.folder)
    }

    /// Sends a signal to a rank that is running a trial, and gives the number of that trial.
    fn signal(&self, signal: &str, rank: usize) -> usize {
        let on_rank = format!("-on-{rank}");
        let mut trial = None;
        wait_until("the rank has no trial", || {
            let begun = names(self.folder.path(), "trial-").into_iter();
            trial = begun
                .filter_map(|name| name.strip_suffix(&on_rank)?.parse().ok())
                .max();
            trial.is_some()
        });
        let trial: usize = trial.unwrap();
        let file = self.folder.path().join(format!("trial-{trial}{on_rank}"));
        let process = fs::read_to_string(file).unwrap();
        let sent = Command::new("kill").args([signal, &process]).status();
        assert!(sent.unwrap().success());
        trial
    }
}

/// The files whose names begin so, each with the rest of its name.
fn names(folder: &Path, begin: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let rest = names.filter_map(|name| name.strip_prefix(begin).map(str::to_owned));
    rest.collect()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// `1 / (trial - 3)`, and NaN for trial 5, as bits.
fn values(trials: usize) -> Value {
    let values = (0..trials).map(|trial| match trial {
        5 => f64::NAN,
        _ => 1.0 / (trial as f64 - 3.0),
    });
    values.map(f64::to_bits).collect::<Vec<_>>().into()
}

#[test]
fn every_rank_has_every_result_in_order() {
    for ranks in [1, 2, 4] {
        let reports = begin(ranks, "", &[]).end().0;
        assert_eq!(reports.len(), ranks);
        for (rank, report) in reports.iter().enumerate() {
            assert_eq!(report["values"], values(12), "{ranks} ranks");
            assert_eq!(report["again"], Value::from(vec![0, 1, 4, 9]));
            assert_eq!(report["lost"], Value::from(Vec::<usize>::new()));
            let told = report["order"].as_array().unwrap().iter();
            let told: BTreeSet<u64> = told.map(|trial| trial.as_u64().unwrap()).collect();
            let expected = if rank == 0 { 0..12 } else { 0..0 };
            assert_eq!(told, expected.collect(), "rank 0 alone is told");
        }
    }
}

#[test]
fn all_ranks_run_trials_and_results_arrive_as_they_come() {
    let farm = begin(3, "", &["--ms", "200", "--trials", "9"]);
    wait_until("no result", || {
        !names(farm.folder.path(), "result-").is_empty()
    });
    let begun = names(farm.folder.path(), "trial-");
    assert!(begun.len() < 9, "at the first result: {begun:?}");
    let ranks: BTreeSet<&str> = begun
        .iter()
        .filter_map(|name| name.split("-on-").last())
        .collect();
    assert_eq!(ranks, ["0", "1", "2"].into());
    let (reports, _folder) = farm.end();
    assert_eq!(reports[0]["values"], values(9));
}

#[test]
fn committees_and_searches_are_those_of_one_process() {
    for what in ["committee", "search"] {
        for ranks in [1, 2, 4] {
            let reports = begin(ranks, "", &["--what", what]).end().0;
            assert_eq!(reports.len(), ranks);
            for report in &reports {
                assert!(report["farmed"].is_array());
                assert_eq!(report["farmed"], reports[0]["local"], "{what} of {ranks}");
            }
        }
    }
}

#[test]
fn the_first_error_in_order_is_that_of_all_ranks() {
    for ranks in [1, 2, 4] {
        let arguments = ["--fail", "4,6,7", "--ms", "20", "--trials", "99"];
        let (reports, folder) = begin(ranks, "", &arguments).end();
        let begun = names(folder.path(), "trial-").len();
        assert!(begun < 40, "{begun} trials have begun");
        let own = "trial: expected another, found 4";
        let error = |report: &Value| report["error"].as_str().unwrap().to_owned();
        let (owners, others): (Vec<_>, Vec<_>) =
            reports.iter().map(error).partition(|error| error == own);
        assert_eq!((owners.len(), others.len()), (1, ranks - 1));
        for error in others {
            assert!(
                error.starts_with("rank ") && error.ends_with(own),
                "{error}"
            );
        }
        for report in reports {
            assert_eq!(report["again"], Value::from(vec![0, 1, 4, 9]));
        }
    }
}

#[test]
fn a_panic_is_an_error_to_the_other_ranks() {
    let begun = Instant::now();
    let farm = begin(3, "--enable-recovery", &["--panic-on", "1", "--ms", "20"]);
    let (reports, _folder) = farm.end();
    assert_eq!(reports.len(), 2);
    for report in reports {
        let error = report["error"].as_str().unwrap();
        assert!(error.starts_with("rank 1: trial "), "{error}");
        assert!(error.ends_with(" panicked: not on rank 1"), "{error}");
        // it has told the others that it ends, so nobody waits until it was silent for 30 seconds
        assert_eq!(report["lost"], Value::from(vec![1]));
        assert_eq!(report["again"], Value::from(vec![0, 1, 4, 9]));
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn the_trial_of_a_rank_that_is_killed_is_run_again() {
    for transport in ["", "--mca btl tcp,self"] {
        let options = format!("--enable-recovery {transport}");
        let arguments = ["--ms", "700", "--trials", "9", "--silence-ms", "1500"];
        let farm = begin(4, &options, &arguments);
        let trial = farm.signal("-KILL", 2);
        let (reports, folder) = farm.end();
        assert_eq!(reports.len(), 3);
        for report in reports {
            assert_eq!(report["values"], values(9));
            assert_eq!(report["again"], Value::from(vec![0, 1, 4, 9]));
            assert_eq!(report["lost"], Value::from(vec![2]));
        }
        let runs = names(folder.path(), &format!("trial-{trial}-on-"));
        assert_eq!(runs.len(), 2, "trial {trial} was run on the ranks {runs:?}");
    }
}

#[test]
fn a_rank_is_not_lost_during_a_long_trial() {
    let arguments = ["--ms", "4000", "--trials", "2", "--silence-ms", "1000"];
    let (reports, _folder) = begin(2, "", &arguments).end();
    assert_eq!(reports.len(), 2);
    for report in reports {
        assert_eq!(report["values"], values(2));
        assert_eq!(report["lost"], Value::from(Vec::<usize>::new()));
    }
}

#[test]
fn the_others_end_when_rank_0_is_killed() {
    let arguments = ["--ms", "700", "--silence-ms", "1500"];
    let farm = begin(3, "--enable-recovery", &arguments);
    farm.signal("-KILL", 0);
    let output = farm.mpirun.wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    let error = "Rank { rank: 0, message: \"it has ended, or is out of reach";
    assert_eq!(printed.matches(error).count(), 2, "{printed}");
}
