//! The error type: every message says what was expected, what was found, where, and what to do.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Errors at run time. Shapes that do not match are compile errors and are not listed here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing a file failed.
    #[error("{}: cannot {action}: {source}; {remedy}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The action that failed, as in "read".
        action: &'static str,
        /// The operating system's error.
        source: io::Error,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A data file does not follow its format.
    #[error("{}: expected {expected}, found {found}{}; {remedy}",
        path.display(), offset.map(|at| format!(" (byte {at})")).unwrap_or_default())]
    DataFile {
        /// The file.
        path: PathBuf,
        /// The byte offset in the decompressed file, if known.
        offset: Option<u64>,
        /// What the format requires.
        expected: String,
        /// What the file holds.
        found: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The header, a record or a cell of a table is not as required.
    #[error("{}: line {line}{}: expected {expected}, found {found}; {remedy}",
        path.display(), column.as_ref().map(|column| format!(", column {column}")).unwrap_or_default())]
    Table {
        /// The file.
        path: PathBuf,
        /// The line in which the record begins, counted from 1.
        line: u64,
        /// The column's name in the header, or its number, counted from 1, if the error concerns one.
        column: Option<String>,
        /// What the record's type or the format requires.
        expected: String,
        /// What the file holds, shortened if it is long.
        found: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A line of a file is not that of a vocabulary.
    #[error("{}: line {line}: expected {expected}; use a file that `Vocabulary::save` wrote for a vocabulary of this size",
        path.display())]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What must be there.
        expected: &'static str,
    },
    /// The data set was not found in any folder.
    #[error(
        "no MNIST found in {looked_in}; name a folder with `--data`, set TUPLENET_MNIST, or download it"
    )]
    DataNotFound {
        /// The places that were searched, as text.
        looked_in: String,
    },
    /// Samples given to [`Dataset`](crate::data::Dataset) are not a valid data set.
    #[error("data set: expected {expected}, found {found}{}",
        sample.map(|at| format!(" (sample {at})")).unwrap_or_default())]
    Data {
        /// The invalid sample, counted from 0, if the error concerns one.
        sample: Option<usize>,
        /// What the data set requires.
        expected: String,
        /// The value given.
        found: String,
    },
    /// A weights file does not match the network.
    #[error("{}: `{tensor}`: expected {expected}, found {found}; load it into the network that saved it",
        path.display())]
    WeightsFile {
        /// The file.
        path: PathBuf,
        /// The tensor's name, as in `0.weight`, or `header` for the file as a whole.
        tensor: String,
        /// What the network expects.
        expected: String,
        /// What the file holds.
        found: String,
    },
    /// A network is too large for an ONNX file.
    #[error(
        "ONNX: expected a file of at most {expected} bytes, found {found}; save the weights as `.safetensors`"
    )]
    OnnxSize {
        /// The bytes that a reader of ONNX takes.
        expected: usize,
        /// The bytes of the file.
        found: usize,
    },
    /// Values given to [`Weights::from_slice`](crate::weights::Weights::from_slice) are too many or too few.
    #[error(
        "weights: expected {expected} values, found {found}; the network's `PARAMS` says how many it takes"
    )]
    WeightsLength {
        /// The network's number of parameters.
        expected: usize,
        /// The number of values given.
        found: usize,
    },
    /// A setting is out of range.
    #[error("{setting}: expected {expected}, found {found}")]
    Setting {
        /// The setting's name, as in `batch size`.
        setting: &'static str,
        /// The valid values, as text.
        expected: String,
        /// The value given.
        found: String,
    },
    /// A loss or a weight is not finite; the weights are no longer usable.
    #[error(
        "the loss is {loss}{} in epoch {epoch}, step {step} (both from 1), at learning rate {learning_rate}; \
        lower the learning rate, or look for features that are not finite{}",
        tensor.as_ref().map(|name| format!(" and a value of `{name}` is not finite")).unwrap_or_default(),
        checkpoint.as_ref().map(|path| format!("; the weights of the last checkpoint, {}, are finite", path.display()))
            .unwrap_or_default()
    )]
    NotFinite {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step within the epoch, counted from 1: that of the loss, or the last one before the weights
        /// were checked.
        step: usize,
        /// The loss of that step, or the validation loss if that one is not finite.
        loss: f32,
        /// The first tensor with a value that is not finite, as in `0.weight`, if there is one.
        tensor: Option<String>,
        /// The learning rate of the step.
        learning_rate: f64,
        /// The last checkpoint written, whose weights are all finite.
        checkpoint: Option<PathBuf>,
    },
    /// A checkpoint is damaged or belongs to another training, or its folder is in use.
    #[error("{}: expected {expected}, found {found}; {remedy}", path.display())]
    Checkpoint {
        /// The checkpoint or the folder.
        path: PathBuf,
        /// What the training requires.
        expected: String,
        /// What was found.
        found: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A training was stopped by [`Trainer::stop_when`](crate::train::Trainer::stop_when).
    #[error("stopped in epoch {epoch} after step {step} (both from 1); {}",
        checkpoint.as_ref().map(|path| format!("resume from {}", path.display()))
            .unwrap_or_else(|| "no checkpoint was written: set a folder for checkpoints".to_owned()))]
    Stopped {
        /// The epoch, counted from 1.
        epoch: usize,
        /// Steps taken in the epoch.
        step: usize,
        /// The checkpoint from which the training can resume.
        checkpoint: Option<PathBuf>,
    },
    /// The attributions of [`IntegratedGradients`](crate::explain) do not sum to the difference of the logits.
    #[error(
        "integrated gradients of class {class}: expected a sum of {expected}, the difference of its logits, \
        found {found} after {steps} steps; allow more steps or a wider tolerance, or look for weights that are not \
        finite"
    )]
    Incomplete {
        /// The class whose logit is explained.
        class: usize,
        /// The logit of the sample minus that of the baseline.
        expected: f64,
        /// The sum of the attributions.
        found: f64,
        /// The steps taken.
        steps: usize,
    },
    /// The engine's device failed, for example because it is out of memory.
    #[error("{engine} on {device}: {message}; try a smaller batch or another device")]
    Device {
        /// The engine's name.
        engine: &'static str,
        /// The device.
        device: String,
        /// The device's error message.
        message: String,
    },
    /// The threads that prefetch an epoch's samples failed.
    #[error("prefetched epoch: {message}; compute it when it is asked for, by `prefetch(0)`")]
    Prefetch {
        /// The error message of the system or of the thread.
        message: String,
    },
    /// An engine that runs some networks alone does not run this one.
    #[error("{engine}: expected a network of {expected}, found {found}; use another engine for it")]
    Unsupported {
        /// The engine and its device, as in `fused on cuda:0`.
        engine: String,
        /// What the engine runs.
        expected: &'static str,
        /// What the network has.
        found: String,
    },
    /// There is no device to compute on, or it cannot run this program.
    #[error("{device}: expected {expected}, found {found}; {remedy}")]
    NoDevice {
        /// The device that was asked for, as in `cuda:0`.
        device: String,
        /// What the engine requires.
        expected: String,
        /// What was found.
        found: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// Another rank of a training by several processes has failed; it has the error itself.
    #[error("rank {rank}: {message}")]
    Rank {
        /// The rank, from 0.
        rank: usize,
        /// Its error.
        message: String,
    },
    /// No mirror delivered the file.
    #[error("{}: cannot download: {message}; check the connection, or put the file there by hand", path.display())]
    Download {
        /// The path to which the file was to be written.
        path: PathBuf,
        /// The error of each mirror.
        message: String,
    },
}

/// A result with tuplenet's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The error of a failed write to a file or folder; the remedy depends on the operating system's error.
    pub(crate) fn unwritable(path: &Path, action: &'static str, source: io::Error) -> Self {
        Error::Io {
            path: path.to_owned(),
            action,
            remedy: remedy_for_writing(&source),
            source,
        }
    }
}

/// What the user can do about the operating system's error of a write.
fn remedy_for_writing(source: &io::Error) -> &'static str {
    use io::ErrorKind;

    #[cfg(unix)]
    {
        use rustix::io::Errno;
        match Errno::from_io_error(source) {
            Some(Errno::MFILE | Errno::NFILE) => {
                return "close files, or raise the number that may be open (`ulimit -n`)";
            }
            Some(Errno::NOLCK) => {
                return "wait for the file system's lock service, or name a folder on another file system";
            }
            Some(Errno::LOOP) => return "fix its symbolic links, which form a loop",
            Some(Errno::IO) => return "check the disk for errors, and name a folder on another one",
            _ => {}
        }
    }
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room there, or name a folder on another disk"
        }
        ErrorKind::FileTooLarge => "name a folder on a file system that takes larger files",
        ErrorKind::PermissionDenied => "make it writable, or name a folder that you can write to",
        ErrorKind::ReadOnlyFilesystem => "name a folder that is writable",
        ErrorKind::NotFound => "name a folder that exists",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "name a folder: a part of the path is a file"
        }
        ErrorKind::IsADirectory => "name a file in it",
        ErrorKind::InvalidFilename => {
            "choose a shorter name, without characters that are not allowed there"
        }
        ErrorKind::ResourceBusy | ErrorKind::CrossesDevices => {
            "choose another name: this one is a mount point, which no other file can replace"
        }
        ErrorKind::ExecutableFileBusy => "choose another name: this one is a running program",
        ErrorKind::StaleNetworkFileHandle
        | ErrorKind::NetworkDown
        | ErrorKind::NetworkUnreachable
        | ErrorKind::HostUnreachable
        | ErrorKind::TimedOut => "check that the network and its file server are up",
        ErrorKind::OutOfMemory => "free memory",
        _ => "check the disk for errors, or name a folder on another one",
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_matches_the_error() {
        use rustix::io::Errno;
        let says = |errno: Errno, words: &str| {
            let error = Error::unwritable(Path::new("a"), "write", errno.into()).to_string();
            assert!(error.starts_with("a: cannot write: "), "{error}");
            assert!(error.contains(words), "{error}");
            let is_about_room = errno == Errno::NOSPC || errno == Errno::DQUOT;
            assert_eq!(error.contains("make room"), is_about_room, "{error}");
        };
        says(Errno::NOSPC, "make room");
        says(Errno::DQUOT, "make room");
        says(Errno::FBIG, "larger files");
        says(Errno::ACCESS, "make it writable");
        says(Errno::PERM, "make it writable");
        says(Errno::ROFS, "a folder that is writable");
        says(Errno::NOENT, "exists");
        says(Errno::NOTDIR, "a part of the path is a file");
        says(Errno::ISDIR, "name a file in it");
        says(Errno::NAMETOOLONG, "shorter name");
        says(Errno::BUSY, "mount point");
        says(Errno::XDEV, "mount point");
        says(Errno::MFILE, "ulimit -n");
        says(Errno::NOLCK, "lock service");
        says(Errno::LOOP, "form a loop");
        says(Errno::IO, "check the disk");
        says(Errno::STALE, "file server");
        says(Errno::TIMEDOUT, "file server");
    }
}
