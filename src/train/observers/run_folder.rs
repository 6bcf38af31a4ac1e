//! [`RunFolder`]: a folder with everything needed to reproduce a training, and its result.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    sync::OnceLock,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    atomic_file,
    checksum::in_hex,
    error::{Error, Result},
    panic,
    train::{EpochReport, History, Progress, checkpoint::Identity},
};

/// The files `run.json` and `history.jsonl` of a running training.
#[derive(Debug)]
pub(super) struct RunFolder {
    folder: PathBuf,
    /// What `run.json` holds.
    run: Value,
}

/// One line of `history.jsonl`.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'a> {
    Progress(&'a Progress),
    Epoch(&'a EpochReport),
    Warning { message: &'a str },
}

impl RunFolder {
    /// Writes what is known before the first step; `history` is that of the checkpoint, if the training resumes.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be written.
    pub(super) fn begin(
        folder: &Path,
        identity: &Identity,
        device: String,
        weights_sha256: String,
        history: &mut History,
    ) -> Result<Self> {
        fs::create_dir_all(folder)
            .map_err(|source| Error::unwritable(folder, "make the folder", source))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let run = json!({
            "command": env::args_os().map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>(),
            "program_sha256": program_sha256(),
            "tuplenet": env!("CARGO_PKG_VERSION"),
            "system": format!("{} {}", env::consts::OS, env::consts::ARCH),
            "device": device,
            "training": identity,
            "first_weights_sha256": weights_sha256,
            "resumed_after_steps": history.progress.last().map(|progress| progress.steps),
            "begun_unix_seconds": now.map(|time| time.as_secs()).unwrap_or_default(),
        });
        let begun = RunFolder {
            folder: folder.to_owned(),
            run,
        };
        // Before the history, so that the history includes the warnings about its own folder.
        begun.write("run.json", &format!("{:#}\n", begun.run), history)?;
        begun.history(history)?;
        Ok(begun)
    }

    /// Writes the current history.
    pub(super) fn history(&self, history: &mut History) -> Result<()> {
        let mut text = String::new();
        let mut progress = history.progress.iter().peekable();
        let warnings = history.warnings.iter();
        let mut lines: Vec<_> = warnings.map(|message| Line::Warning { message }).collect();
        for epoch in &history.epochs {
            while let Some(point) = progress.next_if(|point| point.epoch <= epoch.epoch) {
                lines.push(Line::Progress(point));
            }
            lines.push(Line::Epoch(epoch));
        }
        lines.extend(progress.map(Line::Progress));
        for line in &lines {
            let line = serde_json::to_string(line);
            let line = line.map_err(|error| {
                Error::unwritable(&self.folder, "write", io::Error::other(error))
            })?;
            text += &line;
            text.push('\n');
        }
        self.write("history.jsonl", &text, history)
    }

    /// Writes the final history, and `run.json` with the result.
    pub(super) fn end(
        mut self,
        history: &mut History,
        weights_sha256: Option<String>,
        outcome: &thread::Result<Result<()>>,
    ) -> Result<()> {
        let (outcome, error) = match outcome {
            Ok(Ok(())) => ("complete", None),
            Ok(Err(error @ Error::Stopped { .. })) => ("stopped", Some(error.to_string())),
            Ok(Err(error)) => ("failed", Some(error.to_string())),
            Err(panic) => ("panicked", Some(panic::message(&**panic))),
        };
        self.run["result"] = json!({
            "outcome": outcome,
            "error": error,
            "epochs": history.epochs.len(),
            "best_epoch": history.best_epoch,
            "warnings": history.warnings,
            "train_seconds": history.train_seconds(),
            "weights_sha256": weights_sha256,
        });
        let written = self.history(history);
        self.write("run.json", &format!("{:#}\n", self.run), history)?;
        written
    }

    /// Writes a file, and adds the warnings to `history`.
    fn write(&self, name: &str, text: &str, history: &mut History) -> Result<()> {
        let path = self.folder.join(name);
        let warnings = atomic_file::write(&path, text.as_bytes())
            .map_err(|source| Error::unwritable(&path, "write", source))?;
        history.warn(warnings);
        Ok(())
    }
}

/// The SHA-256 of the running executable, if it can be read; computed once.
fn program_sha256() -> Option<&'static str> {
    static SUM: OnceLock<Option<String>> = OnceLock::new();
    let sum = || {
        let program = fs::read(env::current_exe().ok()?).ok()?;
        Some(in_hex(&Sha256::digest(&program)))
    };
    SUM.get_or_init(sum).as_deref()
}
