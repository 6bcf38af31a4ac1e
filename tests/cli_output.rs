//! The examples run as programs whose standard output cannot be written: a pipe without a reader, a full disk.

use std::{
    env, fs, io,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::cli::{folder_of_bars, program, text};

/// Runs an example with `stdout`, without MNIST unless `data` has it.
fn run(name: &str, arguments: &[&str], stdout: impl Into<Stdio>) -> (Option<i32>, String) {
    let output: Output = Command::new(program(name))
        .args(arguments)
        .current_dir(env::temp_dir())
        .env("TUPLENET_MNIST", "")
        .env("XDG_CACHE_HOME", "/nonexistent")
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(|child| child.wait_with_output())
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), errors)
}

/// A pipe whose reader has exited.
fn closed_pipe() -> io::PipeWriter {
    let (_, writer) = io::pipe().unwrap();
    writer
}

/// A short training that writes its files to `folder`.
fn mnist(folder: &Path, stdout: impl Into<Stdio>) -> (Option<i32>, String) {
    let file = |name: &str| text(&folder.join(name)).to_owned();
    let data = folder_of_bars();
    let mut arguments = [
        "--hidden",
        "32",
        "--epochs",
        "1",
        "--data",
        text(data.path()),
    ]
    .map(str::to_owned)
    .to_vec();
    for name in ["save", "plot", "json", "run"] {
        arguments.extend([format!("--{name}"), file(name)]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run("mnist", &arguments, stdout)
}

/// The files of [`mnist`] are complete and belong together.
fn check_files(folder: &Path) {
    let json = fs::read(folder.join("json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    type Net = tuplenet::models::MnistClassifier<32>;
    let weights = tuplenet::Weights::<Net>::load(folder.join("save")).unwrap();
    assert_eq!(json["weights_sha256"], weights.sha256());
    let plot = fs::read_to_string(folder.join("plot")).unwrap();
    assert!(plot.trim_end().ends_with("</svg>"), "{plot}");
    assert!(folder.join("run/history.jsonl").exists());
}

#[test]
fn mnist_writes_its_files_though_nobody_reads_its_output() {
    let folder = tempfile::tempdir().unwrap();
    let ended = mnist(folder.path(), closed_pipe());
    assert_eq!(ended, (Some(141), String::new()));
    check_files(folder.path());
}

#[test]
fn explain_draws_its_pictures_though_nobody_reads_its_output() {
    let folder = tempfile::tempdir().unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/digits.safetensors");
    let arguments = ["--weights", text(&model), "--out", text(folder.path())];
    let arguments = [&arguments[..], &["--count", "2"]].concat();
    let ended = run("explain", &arguments, closed_pipe());
    assert_eq!(ended, (Some(141), String::new()));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn the_other_examples_end_quietly_when_nobody_reads_their_output() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = text(folder.path());
    for (name, arguments, code) in [
        ("predict", &["--index", "0"][..], 141),
        ("resume", &["--epochs", "1", "--folder", checkpoints], 141),
        ("import", &[], 0),
    ] {
        let ended = run(name, arguments, closed_pipe());
        assert_eq!(ended, (Some(code), String::new()), "{name}");
    }
    assert!(fs::read_dir(folder.path()).unwrap().count() > 0);
}

/// Ten seeds take minutes; without a reader the program ends before the first.
#[test]
fn speedrun_and_best_end_early_when_nobody_reads_their_output() {
    let Some(data) = env::var_os("TUPLENET_MNIST").filter(|folder| !folder.is_empty()) else {
        println!("SKIPPED speedrun and best with a closed pipe: set TUPLENET_MNIST");
        return;
    };
    for name in ["speedrun", "best"] {
        let arguments = ["--seeds", "1000", "--data", text(Path::new(&data))];
        let ended = run(name, &arguments, closed_pipe());
        assert_eq!(ended, (Some(141), String::new()), "{name}");
    }
}

/// A closed pipe is the reader's choice; a full disk is an error, after the files are written.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_under_the_output_is_an_error_of_one_line() {
    let full = || {
        let full = fs::File::options().write(true).open("/dev/full");
        full.unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let (code, errors) = mnist(folder.path(), full());
    assert_eq!(code, Some(1), "{errors}");
    let start = "error: standard output: cannot write: ";
    assert!(errors.starts_with(start), "{errors}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
    check_files(folder.path());

    let (code, errors) = run("import", &[], full());
    assert_eq!(code, Some(1), "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
}
