//! The example `resume`, killed by `kill -9` at random moments, on a full disk and on a read-only
//! one: its result is always bit-identical to that of an uninterrupted run.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use tuplenet::train::Checkpoints;

use crate::cli::program;

const KILLS: usize = 30;
const KILLED: i32 = 9;

fn resume(engine: &str, folder: &Path) -> Command {
    let mut command = Command::new(program("resume"));
    command.args(["--engine", engine, "--folder"]).arg(folder);
    command
}

/// The checksum of the weights printed by a completed run.
fn weights(printed: &str) -> Option<&str> {
    printed
        .lines()
        .find_map(|line| line.strip_prefix("weights "))
}

/// The checksum after an uninterrupted run.
fn final_weights(engine: &str, folder: &Path) -> String {
    let Output { stdout, stderr, .. } = resume(engine, folder).output().unwrap();
    let sum = weights(str::from_utf8(&stdout).unwrap()).map(str::to_owned);
    sum.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&stderr)))
}

/// Whether `folder` has a partially written file.
fn has_part(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    let mut names = entries.map(|entry| entry.unwrap().file_name());
    names.any(|name| name.to_string_lossy().ends_with(".part"))
}

fn killed_at_any_moment_the_result_is_bit_identical(engine: &str) {
    let folder = tempfile::tempdir().unwrap();
    let whole = final_weights(engine, &folder.path().join("whole"));
    let mut moments = ChaCha8Rng::seed_from_u64(1);
    let (mut kills, mut while_writing, mut trainings) = (0, 0, 0);
    while kills < KILLS {
        trainings += 1;
        let folder = folder.path().join(trainings.to_string());
        loop {
            let mut child = resume(engine, &folder)
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            let mut text = String::new();
            if kills < KILLS {
                // every fifth one while the program starts, the others when training begins
                if !kills.is_multiple_of(5) {
                    stdout.read_line(&mut text).unwrap();
                }
                thread::sleep(Duration::from_micros(moments.random_range(0..50_000)));
                child.kill().unwrap();
            }
            stdout.read_to_string(&mut text).unwrap();
            let status = child.wait().unwrap();
            if status.signal() == Some(KILLED) {
                kills += 1;
                while_writing += usize::from(has_part(&folder));
                continue;
            }
            let ended = format!("training {trainings}, after {kills} kills: {status} {text}");
            assert_eq!(weights(&text), Some(&*whole), "{ended}");
            break;
        }
    }
    println!(
        "{engine}: {kills} kills in {trainings} trainings, {while_writing} while a file was written"
    );
    // Most of the time is spent writing checkpoints, so at least one kill in fifty reliably interrupts a write.
    assert!(while_writing > 0);
}

#[test]
fn fused_killed_at_any_moment_is_bit_identical() {
    killed_at_any_moment_the_result_is_bit_identical("fused");
}

#[test]
fn dfdx_killed_at_any_moment_is_bit_identical() {
    killed_at_any_moment_the_result_is_bit_identical("dfdx");
}

/// Runs `script` in a separate mount namespace, where `$DISK` is a disk of `bytes`; `None` if the system
/// does not permit it.
fn on_a_small_disk(disk: &Path, bytes: usize, script: &str) -> Option<Output> {
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]);
        command.env("DISK", disk).env("RESUME", program("resume"));
        command.output()
    };
    let mount = format!("mount -t tmpfs -o size={bytes} tmpfs \"$DISK\"");
    if !unshared(&mount).is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED full and read-only disks: the system does not permit mounting one");
        return None;
    }
    Some(unshared(&format!("{mount} && {script}")).unwrap())
}

/// A file of 0.4 MB each, on a disk of 1 MB.
#[test]
fn a_full_or_read_only_disk_is_an_error_and_keeps_the_earlier_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let [disk, saved, whole]: [PathBuf; 3] =
        ["disk", "saved", "whole"].map(|name| folder.path().join(name));
    fs::create_dir(&disk).unwrap();
    let script = format!(
        "\"$RESUME\" --folder \"$DISK/c\"; echo full $?; cp -r \"$DISK/c\" '{0}'; \
        mount -o remount,ro \"$DISK\"; \"$RESUME\" --folder \"$DISK/c\"; echo read-only $?; \
        diff -r \"$DISK/c\" '{0}' && echo same",
        saved.display()
    );
    let Some(output) = on_a_small_disk(&disk, 1_000_000, &script) else {
        return;
    };
    let (text, errors) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    for words in ["full 1\n", "read-only 1\n", "same\n"] {
        assert!(text.contains(words), "{text}{errors}");
    }
    let lines: Vec<&str> = errors.lines().collect();
    let [full, read_only] = lines[..] else {
        panic!("{errors}")
    };
    assert!(
        full.contains(
            "cannot write a checkpoint (earlier ones are unchanged): No space left on device"
        ),
        "{full}"
    );
    assert!(
        full.ends_with("make room there, or name a folder on another disk"),
        "{full}"
    );
    assert!(
        read_only.contains("cannot write checkpoints in: Read-only file system"),
        "{read_only}"
    );
    assert!(
        read_only.ends_with("name a folder that is writable"),
        "{read_only}"
    );
    // a complete checkpoint resumes
    assert!(Checkpoints::newest(&saved).unwrap().is_some());
    assert_eq!(
        final_weights("fused", &saved),
        final_weights("fused", &whole)
    );
}
