//! Two hosts, joined by a link with a delay of a millisecond.

use std::{path::Path, process::Command};

use crate::start::{report, train_alike};

/// The exit code of `two_hosts.py` where the system permits no network namespaces.
const SKIPPED: i32 = 77;

/// Delay and order of packets change no bit, whatever is sent.
#[test]
fn two_hosts_have_the_bits_of_one() {
    for options in ["", "--bf16", "--local-steps 4"] {
        let options = format!("--network mlp --steps 12 {options}");
        let folder = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("two_hosts.py");
        let output = Command::new(script)
            .args(["1", "--timeout", "120", "-n", "2"])
            .args([env!("CARGO_BIN_EXE_rank"), "--out"])
            .arg(folder.path())
            .args(options.split_whitespace())
            .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
            .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
            .output()
            .unwrap_or_else(|error| panic!("cannot start `two_hosts.py`: {error}"));
        let errors = String::from_utf8_lossy(&output.stderr);
        if output.status.code() == Some(SKIPPED) {
            eprintln!("{errors}");
            return;
        }
        assert!(output.status.success(), "{errors}");
        let here = train_alike(2, &options);
        for rank in [0, 1] {
            assert_eq!(report(folder.path(), rank), here, "{options}");
        }
    }
}
