//! The one error type: every message says what was expected, what was found, where, and what to do.

use std::{io, path::PathBuf};

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
    #[error("epoch computed ahead: {message}; compute it when it is asked for, by `ahead(0)`")]
    Ahead {
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
