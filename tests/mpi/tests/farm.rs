//! Trials that are farmed out by `mpirun`'s processes: the same results with any number of them, also if one is killed.

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
    /// What each rank has in the end, but those that were lost.
    fn reports(self) -> Vec<Value> {
        let Output { status, stderr, .. } = self.mpirun.wait_with_output().unwrap();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        let reports = (0..8).filter_map(|rank| {
            let report = fs::read(self.folder.path().join(format!("{rank}.json"))).ok()?;
            Some(serde_json::from_slice(&report).unwrap())
        });
        reports.collect()
    }

    /// The files whose names begin so, each with the rest of its name.
    fn files(&self, begin: &str) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let rest = names.filter_map(|name| name.strip_prefix(begin).map(str::to_owned));
        rest.collect()
    }
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
        let reports = begin(ranks, "", &[]).reports();
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
    wait_until("no result", || !farm.files("result-").is_empty());
    let begun = farm.files("trial-").len();
    assert!(begun < 9, "{begun} trials have begun at the first result");
    let ranks: BTreeSet<String> = farm
        .files("trial-")
        .iter()
        .map(|rest| rest.split_once("-on-").unwrap().1.to_owned())
        .collect();
    assert_eq!(ranks.len(), 3, "{ranks:?}");
    let reports = farm.reports();
    assert_eq!(reports[0]["values"], values(9));
}

#[test]
fn committees_and_searches_are_those_of_one_process() {
    for what in ["committee", "search"] {
        for ranks in [1, 2, 4] {
            let reports = begin(ranks, "", &["--what", what]).reports();
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
        let farm = begin(ranks, "", &["--fail", "4,6,7", "--ms", "20", "--trials", "99"]);
        let folder = farm.folder.path().to_owned();
        let _kept = keep(&folder);
        let begun = |farm: &Farm| farm.files("trial-").len();
        let (mut owners, mut others) = (0, 0);
        let mut farm = farm;
        farm.mpirun.wait().unwrap();
        assert!(begun(&farm) < 40, "{} trials have begun", begun(&farm));
        for report in farm.reports() {
            let own = "trial: expected another, found 4";
            match report["error"].as_str().unwrap() {
                error if error == own => owners += 1,
                error => {
                    assert!(error.starts_with("rank ") && error.ends_with(own), "{error}");
                    others += 1;
                }
            }
            assert_eq!(report["again"], Value::from(vec![0, 1, 4, 9]));
        }
        assert_eq!((owners, others), (1, ranks - 1));
    }
}

#[test]
fn a_panic_ends_the_rank_and_is_an_error_to_the_others() {
    let farm = begin(3, "--enable-recovery", &["--panic", "4", "--silence-ms", "1500"]);
    let reports = farm.reports();
    todo!()
}
