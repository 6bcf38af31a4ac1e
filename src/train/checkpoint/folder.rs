//! A folder of checkpoints, locked by one training at a time.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    Checkpoints,
    file::{self, Contents, Invalid},
    identity::{Identity, difference},
};
use crate::{
    atomic_file,
    engine::OptimizerState,
    error::{Error, Result},
    network::Network,
    train::state::TrainingState,
    weights::Weights,
};

const PREFIX: &str = "checkpoint-";
const SUFFIX: &str = ".safetensors";
const LOCK: &str = ".tuplenet-lock";

/// The path of a checkpoint, and its contents.
pub(in crate::train) type Resumed<N> = (PathBuf, Contents<N>);

/// The checkpoints of a training.
#[derive(Debug)]
pub(in crate::train) struct Folder {
    path: PathBuf,
    keep: usize,
    identity: Value,
    /// Locked while the training runs, if the file system supports locks; the system unlocks it when the process ends
    /// for any reason.
    lock: File,
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that another thread is forking briefly has a copy of it. If
        // unlocking fails, closing is all that is left to do.
        let _ = self.lock.unlock();
    }
}

impl Folder {
    /// Creates the folder if it is missing, and locks it. Also returns warnings about what its file system lacks.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written; [`Error::Checkpoint`] when another training has locked it.
    pub(in crate::train) fn take(
        checkpoints: &Checkpoints,
        identity: &Identity,
    ) -> Result<(Self, Vec<String>)> {
        let path = checkpoints.folder.clone();
        let unwritable = |source| Error::unwritable(&path, "write checkpoints in", source);
        fs::create_dir_all(&path).map_err(unwritable)?;
        let lock = File::create(path.join(LOCK)).map_err(unwritable)?;
        let locked = match lock.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::Error(why)) => Err(why),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Checkpoint {
                    path,
                    expected: "a folder that no other training writes to".to_owned(),
                    found: "a training that is still running".to_owned(),
                    remedy: "wait for it, or name another folder",
                });
            }
        };
        let warnings = match atomic_file::supported(locked) {
            Ok(None) => atomic_file::remove_stale_parts(&path).map_err(unwritable)?,
            // Temporary files are not removed: they may belong to another training that is running.
            Ok(Some(why)) => vec![format!(
                "{}: the file system does not lock files ({why}): ensure that no other training writes there",
                path.display()
            )],
            Err(source) => return Err(Error::unwritable(&path, "lock", source)),
        };
        let folder = Folder {
            keep: checkpoints.keep,
            identity: identity.fixed(),
            lock,
            path,
        };
        Ok((folder, warnings))
    }

    /// The newest checkpoint, with its path; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it is damaged or of another training; [`Error::Io`] when it cannot be read.
    pub(in crate::train) fn resume<N: Network>(&self) -> Result<Option<Resumed<N>>> {
        let Some(path) = Checkpoints::newest(&self.path)? else {
            return Ok(None);
        };
        let bytes = fs::read(&path).map_err(|source| unreadable(&path, source))?;
        let invalid = |Invalid { expected, found }| Error::Checkpoint {
            path: path.clone(),
            expected,
            found,
            remedy: "delete it to resume from the previous checkpoint, or start over in another folder",
        };
        let opened = file::open(&bytes).map_err(invalid)?;
        if let Some((name, mine, its)) = difference(&self.identity, opened.identity()) {
            return Err(Error::Checkpoint {
                path,
                expected: format!("a training with `{name}` {mine}"),
                found: its,
                remedy: "resume with the settings it was started with, or start over in another folder",
            });
        }
        let contents = opened.contents().map_err(invalid)?;
        Ok(Some((path, contents)))
    }

    /// Checks that the folder has no checkpoints.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] when it has one.
    pub(in crate::train) fn check_empty(&self) -> Result<()> {
        match Checkpoints::newest(&self.path)? {
            None => Ok(()),
            Some(path) => Err(Error::Checkpoint {
                path,
                expected: "no checkpoints in the folder of a new training".to_owned(),
                found: "a checkpoint of an earlier training".to_owned(),
                remedy: "resume it, or name another folder",
            }),
        }
    }

    /// Writes a checkpoint, and deletes the oldest ones beyond the number to keep. Returns its path and warnings: about
    /// what the file system does not support, and about checkpoints that could not be deleted.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder cannot be written, for example because the disk is full; earlier checkpoints are
    /// unchanged.
    pub(in crate::train) fn write<N: Network>(
        &self,
        weights: &Weights<N>,
        optimizer: Option<&OptimizerState<N>>,
        state: &TrainingState<N>,
    ) -> Result<(PathBuf, Vec<String>)> {
        let steps = state.position.steps_before + state.losses.len() as u64;
        let path = self.path.join(format!("{PREFIX}{steps:012}{SUFFIX}"));
        let failed = |source| {
            Error::unwritable(
                &path,
                "write a checkpoint (earlier ones are unchanged)",
                source,
            )
        };
        let bytes = file::write(self.identity.clone(), weights, optimizer, state)
            .map_err(|words| failed(io::Error::other(words)))?;
        let mut warnings = atomic_file::write(&path, &bytes).map_err(failed)?;
        let all = all(&self.path)?;
        let too_many = all.iter().rev().skip(self.keep);
        warnings.extend(too_many.filter_map(|old| atomic_file::remove(old)));
        Ok((path, warnings))
    }
}

impl Checkpoints {
    /// The newest checkpoint in `folder`, if there is one.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder exists and cannot be read.
    pub fn newest(folder: impl AsRef<Path>) -> Result<Option<PathBuf>> {
        Ok(all(folder.as_ref())?.pop())
    }
}

/// The checkpoints in `folder`, oldest first.
fn all(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |source| unreadable(folder, source);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let steps = name
            .strip_prefix(PREFIX)
            .and_then(|name| name.strip_suffix(SUFFIX));
        if let Some(steps) = steps.and_then(|steps| steps.parse::<u64>().ok()) {
            found.push((steps, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        action: "read",
        source,
        remedy: "make it readable, or start over in another folder",
    }
}
