//! The one error type: every message says what was expected, what was found, where, and what to do.

use std::{
    io,
    path::{Path, PathBuf},
};

/// What can go wrong at run time. Shapes that do not fit are compile errors and are not here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("{}: cannot {action}: {source}; {remedy}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as in "read".
        action: &'static str,
        /// What the operating system answered.
        source: io::Error,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A data file's contents are not what its format says.
    #[error("{}: expected {expected}, found {found}{}; {remedy}",
        path.display(), offset.map(|at| format!(" (byte {at})")).unwrap_or_default())]
    DataFile {
        /// The file.
        path: PathBuf,
        /// Where in the unpacked file, in bytes, where that is known.
        offset: Option<u64>,
        /// What the format asks for.
        expected: String,
        /// What the file holds.
        found: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// No folder holds the data set.
    #[error(
        "no MNIST found in {looked_in}; name a folder with `--data`, set TUPLENET_MNIST, or download it"
    )]
    DataNotFound {
        /// The places that were searched, in words.
        looked_in: String,
    },
    /// Samples given to [`Dataset`](crate::data::Dataset) do not make a data set.
    #[error("data set: expected {expected}, found {found}{}",
        sample.map(|at| format!(" (sample {at})")).unwrap_or_default())]
    Data {
        /// The sample at fault, counted from 0, where there is one.
        sample: Option<usize>,
        /// What the data set takes.
        expected: String,
        /// What was given.
        found: String,
    },
    /// A weights file does not fit the network.
    #[error("{}: `{tensor}`: expected {expected}, found {found}; load it into the network that saved it",
        path.display())]
    WeightsFile {
        /// The file.
        path: PathBuf,
        /// The tensor's name, as in `0.weight`, or `header` for the file as a whole.
        tensor: String,
        /// What the network takes.
        expected: String,
        /// What the file holds.
        found: String,
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
    /// A setting of a run is out of its range.
    #[error("{setting}: expected {expected}, found {found}")]
    Setting {
        /// The setting's name, as in `batch size`.
        setting: &'static str,
        /// The legal values, in words.
        expected: String,
        /// The value given.
        found: String,
    },
    /// A loss or a weight is not finite; the weights are no longer of use.
    #[error(
        "the loss is {loss}{} in epoch {epoch}, step {step} (both from 1), at learning rate {learning_rate}; \
        lower the learning rate, or look for features that are not finite{}",
        tensor.as_ref().map(|name| format!(" and a value of `{name}` is not finite")).unwrap_or_default(),
        checkpoint.as_ref().map(|path| format!("; the last checkpoint, {}, is of before", path.display()))
            .unwrap_or_default()
    )]
    NotFinite {
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step within the epoch, counted from 1: that of the loss, or the last one before the weights
        /// were looked at.
        step: usize,
        /// That step's loss, or the validation loss if that is what is not finite.
        loss: f32,
        /// The first tensor that holds a value which is not finite, as in `0.weight`, if one does.
        tensor: Option<String>,
        /// The learning rate of the step.
        learning_rate: f64,
        /// The last checkpoint written, whose weights are all finite.
        checkpoint: Option<PathBuf>,
    },
    /// A checkpoint is damaged or another training's, or its folder is taken.
    #[error("{}: expected {expected}, found {found}; {remedy}", path.display())]
    Checkpoint {
        /// The checkpoint or the folder.
        path: PathBuf,
        /// What a training takes.
        expected: String,
        /// What is there.
        found: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A training was told to stop, by [`Trainer::stop_when`](crate::train::Trainer::stop_when).
    #[error("stopped in epoch {epoch} after step {step} (both from 1); {}",
        checkpoint.as_ref().map(|path| format!("{} has all of it: resume from there", path.display()))
            .unwrap_or_else(|| "nothing was kept: it was told of no folder for checkpoints".to_owned()))]
    Stopped {
        /// The epoch, counted from 1.
        epoch: usize,
        /// Steps taken in the epoch.
        step: usize,
        /// Where the training can go on from.
        checkpoint: Option<PathBuf>,
    },
    /// The attributions of [`IntegratedGradients`](crate::explain) do not add up to what they explain.
    #[error(
        "integrated gradients of class {class}: expected a sum of {expected}, the difference of its logits, \
        found {found} after {steps} steps; allow more steps or a wider tolerance, or look for weights that are not finite"
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
    /// The engine's device failed, for example for want of memory.
    #[error("{engine} on {device}: {message}; try a smaller batch or another device")]
    Device {
        /// The engine's name.
        engine: &'static str,
        /// The device.
        device: String,
        /// The device's own words.
        message: String,
    },
    /// The threads that compute an epoch's samples ahead failed.
    #[error("prefetched epoch: {message}; compute it when it is asked for, by `prefetch(0)`")]
    Prefetch {
        /// What went wrong, in the system's or the thread's words.
        message: String,
    },
    /// There is no device to compute on, or it cannot run this program.
    #[error("{device}: expected {expected}, found {found}; {remedy}")]
    NoDevice {
        /// The device that was asked for, as in `cuda:0`.
        device: String,
        /// What it takes to compute there.
        expected: String,
        /// What is there.
        found: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// No mirror gave the file.
    #[error("{}: cannot download: {message}; check the connection, or put the file there by hand", path.display())]
    Download {
        /// Where the file was to be placed.
        path: PathBuf,
        /// What each mirror answered.
        message: String,
    },
}

/// A result with tuplenet's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The error of a file or folder that the operating system refused to write; what to do follows from its answer.
    pub(crate) fn unwritable(path: &Path, action: &'static str, source: io::Error) -> Self {
        Error::Io {
            path: path.to_owned(),
            action,
            remedy: remedy_for_writing(&source),
            source,
        }
    }
}

/// What a user does about an operating system's answer to a program that writes.
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
            Some(Errno::LOOP) => return "mend its symbolic links, which lead in a circle",
            Some(Errno::IO) => return "look for a failing disk, and name a folder on another one",
            _ => {}
        }
    }
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room there, or name a folder on another disk"
        }
        ErrorKind::FileTooLarge => "name a folder on a file system that takes larger files",
        ErrorKind::PermissionDenied => {
            "give yourself the right to write it, or name a folder that you can write to"
        }
        ErrorKind::ReadOnlyFilesystem => "name a folder that can be written",
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
        ErrorKind::ExecutableFileBusy => "choose another name: this one is a program that runs",
        ErrorKind::StaleNetworkFileHandle
        | ErrorKind::NetworkDown
        | ErrorKind::NetworkUnreachable
        | ErrorKind::HostUnreachable
        | ErrorKind::TimedOut => "see that the network and its file server are up",
        ErrorKind::OutOfMemory => "free memory",
        _ => "see that the disk is sound, or name a folder on another one",
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_fits_the_cause() {
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
        says(Errno::ACCESS, "the right to write");
        says(Errno::PERM, "the right to write");
        says(Errno::ROFS, "can be written");
        says(Errno::NOENT, "exists");
        says(Errno::NOTDIR, "a part of the path is a file");
        says(Errno::ISDIR, "name a file in it");
        says(Errno::NAMETOOLONG, "shorter name");
        says(Errno::BUSY, "mount point");
        says(Errno::XDEV, "mount point");
        says(Errno::MFILE, "ulimit -n");
        says(Errno::NOLCK, "lock service");
        says(Errno::LOOP, "in a circle");
        says(Errno::IO, "failing disk");
        says(Errno::STALE, "file server");
        says(Errno::TIMEDOUT, "file server");
    }
}
