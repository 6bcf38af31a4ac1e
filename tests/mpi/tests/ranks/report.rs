//! What `scripts/mpi` prints of what `mpirun` and the ranks print, here by a program in place of `mpirun`.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
};

/// A rank's read of the memory of a process that has gone, as Open MPI 4.1 reports it.
const GONE: &str = "[vm:21099] Read -1, expected 141632, errno = 3\n\n";
/// What follows is shortened.
const CRASH: &str = "[vm:242] *** Process received signal ***
[vm:242] Signal: Segmentation fault (11)
[vm:242] [ 0] /lib/x86_64-linux-gnu/libc.so.6(+0x3c050)[0x7f50a2252050]
";
const DASHES: &str = "--------------------------------------------------------------------------\n";

/// The output of `scripts/mpi` if `mpirun` prints this on standard error and exits with this status.
fn run(errors: &str, status: i32) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mpirun = folder.path().join("mpirun");
    let program = format!("#!/bin/sh\ncat >&2 <<'END'\n{errors}END\nexit {status}\n");
    fs::write(&mpirun, program).unwrap();
    fs::set_permissions(&mpirun, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), env::var("PATH").unwrap());
    let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/mpi"));
    script.args(["-n", "2", "rank"]).env("PATH", path);
    script.output().unwrap()
}

/// The lines that are printed, and the exit code.
fn printed(errors: &str, status: i32) -> (String, Option<i32>) {
    let output = run(errors, status);
    let lines = String::from_utf8(output.stderr).unwrap();
    (lines, output.status.code())
}

fn signal(number: i32, name: &str) -> String {
    format!(
        "{DASHES}mpirun noticed that process rank 1 with PID 242 on node vm exited on signal {number} ({name}).\n{DASHES}"
    )
}

#[test]
fn a_rank_that_is_killed_is_one_line() {
    let errors = format!("{GONE}{GONE}{}", signal(9, "Killed"));
    let line = "error: rank 1 on vm was ended by signal 9 (Killed); checkpoints are complete, resume from the last\n";
    assert_eq!(printed(&errors, 137), (line.to_owned(), Some(1)));
}

#[test]
fn a_rank_that_crashes_says_where() {
    let errors = format!("{CRASH}{}", signal(11, "Segmentation fault"));
    let (lines, code) = printed(&errors, 139);
    let line = lines.strip_prefix(CRASH).unwrap();
    assert!(line.starts_with("error: rank 1 on vm was ended by signal 11 (Segmentation fault)"));
    assert_eq!(code, Some(1));
}

/// A rank ends by its own error, which it has printed, while another reads from it.
#[test]
fn an_error_of_a_rank_is_its_line() {
    let errors = format!(
        "error: rank 1: no data\n{GONE}{DASHES}Process name: [[1,1],1]\nExit code: 1, a non-zero status\n{DASHES}"
    );
    let line = "error: rank 1: no data\n".to_owned();
    assert_eq!(printed(&errors, 1), (line, Some(1)));
}

#[test]
fn what_is_not_of_a_rank_is_printed() {
    let warning = "[vm:242] a network without its driver\n";
    for (status, code) in [(0, 0), (1, 1)] {
        let errors = format!("epoch 1\n{warning}{DASHES}There is no memory.\n{DASHES}epoch 2\n");
        let lines = format!("epoch 1\nepoch 2\n{warning}There is no memory.\n");
        assert_eq!(printed(&errors, status), (lines, Some(code)));
    }
}
