//! A trainer on several ranks: rank 0 calls back and writes checkpoints, and all resume from them.

use std::{fs, path::Path};

use serde_json::Value;

use crate::start::command;

/// The reports of all ranks of a training with a trainer.
fn fit(count: usize, options: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let output = command(count, options, folder.path()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{count} ranks, {options}: {errors}"
    );
    let read = |rank| fs::read(folder.path().join(format!("{rank}.json"))).unwrap();
    let reports = (0..count).map(|rank| serde_json::from_slice(&read(rank)).unwrap());
    reports.collect()
}

fn checkpoints(folder: &Path) -> usize {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .filter(|path| path.extension().is_some_and(|it| it == "safetensors"))
        .count()
}

#[test]
fn rank_0_calls_back_and_all_ranks_have_its_result() {
    let all = fit(3, "--network small --epochs 3");
    let calls: Vec<_> = all
        .iter()
        .map(|report| report["calls"].as_u64().unwrap())
        .collect();
    assert_eq!(calls, [3, 0, 0]);
    for name in ["losses", "weights", "best_epoch", "accuracy"] {
        assert!(
            all.iter().all(|report| report[name] == all[0][name]),
            "{name}"
        );
    }
    let alone = &fit(1, "--network small --epochs 3")[0];
    let [all, alone] = [&all[0], alone].map(|report| report["losses"][2][1].as_f64().unwrap());
    assert!((all - alone).abs() < 1e-4, "{all} {alone}");
}

/// In an epoch of 18 steps, a fiftieth is one step, after which nothing is held back: runs of batches are longer with bf16.
#[test]
fn gradients_are_rounded_in_short_epochs_too() {
    let [full, rounded] =
        ["", "--bf16"].map(|it| fit(2, &format!("--network small --epochs 1 {it}")));
    assert_ne!(full[0]["weights"], rounded[0]["weights"]);
}

#[test]
fn a_training_resumes_with_any_number_of_ranks() {
    for (others, counts) in [
        ("", &[2, 4, 1][..]),
        ("--bf16", &[2]),
        ("--local-steps 3", &[2, 4]),
    ] {
        let options = format!("--network mlp --batch 20 {others}");
        let at_once = fit(2, &format!("{options} --epochs 3"));
        for &count in counts {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().display();
            fit(2, &format!("{options} --epochs 2 --checkpoints {path}"));
            assert_eq!(checkpoints(folder.path()), 2);
            let resumed = fit(
                count,
                &format!("{options} --epochs 3 --checkpoints {path} --resume"),
            );
            assert_eq!(checkpoints(folder.path()), 3);
            if count == 2 {
                assert_eq!(resumed[0]["weights"], at_once[0]["weights"], "{options}");
            }
            let loss = |reports: &[Value]| reports[0]["losses"][2][0].as_f64().unwrap();
            let difference = (loss(&resumed) - loss(&at_once)).abs();
            // With local steps, other ranks see other samples.
            let tolerance = if others.contains("local") { 0.1 } else { 1e-3 };
            assert!(
                difference < tolerance,
                "{count} ranks, {options}: {difference}"
            );
        }
    }
}
