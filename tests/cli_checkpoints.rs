//! `mnist` with checkpoints, run as a program: Ctrl-C, resuming, and the run folder.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::cli::{example, folder_of_bars, program, refuses, text};

/// The files of runs of `mnist` in a separate folder, and their data.
struct RunFiles {
    folder: tempfile::TempDir,
    data: tempfile::TempDir,
}

impl RunFiles {
    fn path(&self, name: &str) -> String {
        text(&self.folder.path().join(name)).to_owned()
    }

    fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }

    /// A short training with frequent checkpoints.
    fn command(&self, checkpoints: &str, json: &str) -> Command {
        let mut command = Command::new(program("mnist"));
        command.arg("--data").arg(self.data.path());
        command.args(["--hidden", "32", "--epochs", "2", "--batch", "500"]);
        command.args([
            "--validation",
            "1000",
            "--schedule",
            "one-cycle",
            "--patience",
            "2",
        ]);
        command.args([
            "--every",
            "0",
            "--keep",
            "2",
            "--resume",
            "--checkpoint",
            &self.path(checkpoints),
        ]);
        for option in ["--save", "--plot", "--run"] {
            command.arg(option).arg(self.path(&option[2..]));
        }
        command.arg("--json").arg(self.path(json));
        command
            .env("TUPLENET_MNIST", "")
            .env("XDG_CACHE_HOME", "/nonexistent");
        command
    }
}

/// Ctrl-C writes a checkpoint and exits with 130; the resumed run is bit-identical to an uninterrupted one, and
/// the run folder has what is needed to repeat it.
#[cfg(unix)]
#[test]
fn ctrl_c_writes_a_checkpoint_that_can_be_resumed() {
    use rustix::process::{Pid, Signal, kill_process};
    use tuplenet::train::Checkpoints;

    let files = RunFiles {
        folder: tempfile::tempdir().unwrap(),
        data: folder_of_bars(),
    };
    let child = files
        .command("stopped", "none.json")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    let child = child.unwrap();
    while Checkpoints::newest(files.path("stopped"))
        .unwrap()
        .is_none()
    {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{words}");
    assert!(
        words.starts_with("error: stopped in epoch ") && words.trim_end().lines().count() == 1,
        "{words}"
    );
    let newest = Checkpoints::newest(files.path("stopped")).unwrap().unwrap();
    assert!(words.contains(text(&newest)), "{words}");
    assert!(!Path::new(&files.path("none.json")).exists());

    let output = files.command("stopped", "resumed.json").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        printed.contains(&format!("resuming from {}", newest.display())),
        "{printed}"
    );
    let (run, resumed) = (files.json("run/run.json"), files.json("resumed.json"));
    assert!(run["resumed_after_steps"].as_u64() > Some(0));
    assert_eq!(run["result"]["weights_sha256"], resumed["weights_sha256"]);

    let output = files.command("whole", "whole.json").output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains("yet: starting a new training"),
        "{printed}"
    );
    assert_eq!(
        files.json("whole.json")["weights_sha256"],
        resumed["weights_sha256"]
    );
    let run = files.json("run/run.json");
    assert_eq!(run["resumed_after_steps"], serde_json::Value::Null);
    assert_eq!(run["training"]["seed"], 0);
    assert_eq!(
        run["training"]["network"],
        "Linear<784, 32>, ReLU, Linear<32, 10>"
    );
    assert_eq!(run["command"][1], "--data");

    // 118 steps per epoch, three per run of batches
    let history = fs::read_to_string(files.path("run/history.jsonl")).unwrap();
    let lines: Vec<serde_json::Value> = history
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).count();
    assert_eq!((of("progress"), of("epoch"), lines.len()), (80, 2, 82));
    assert_eq!(
        (&lines[39]["steps"], &lines[40]["epoch"]),
        (&118.into(), &1.into())
    );
    let losses = &files.json("whole.json")["train_losses"];
    assert_eq!(
        (&lines[40]["train_loss"], &lines[81]["train_loss"]),
        (&losses[0], &losses[1])
    );

    let svg = fs::read_to_string(files.path("plot")).unwrap();
    for panel in ["loss", "validation accuracy", "learning rate"] {
        assert!(svg.contains(panel), "{panel}");
    }
}

#[test]
fn checkpoint_options_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let [save, plot, checkpoints, run] =
        ["w", "p", "c", "r"].map(|name| text(&folder.path().join(name)).to_owned());
    let outputs = [
        "--save",
        &save,
        "--plot",
        &plot,
        "--run",
        &run,
        "--checkpoint",
        &checkpoints,
    ];
    for (arguments, words) in [
        (
            ["--every", "-1"],
            "every: expected seconds, 0 or more, found -1",
        ),
        (
            ["--keep", "0"],
            "checkpoints kept: expected 1 or more, found 0",
        ),
        (
            ["--patience", "3"],
            "validation samples: expected 1 or more, or a validation set, for early stopping, found 0",
        ),
    ] {
        refuses(&[&outputs[..], &arguments[..]].concat(), 2, &[words]);
    }
    assert_eq!(
        example("mnist", &["--resume"]).status.code(),
        Some(2),
        "without a folder"
    );
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    refuses(
        &["--save", &save, "--plot", &plot, "--run", text(&file)],
        1,
        &[text(&file), "cannot make the folder"],
    );
}
