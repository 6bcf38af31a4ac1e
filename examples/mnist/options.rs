//! The command line of the example.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Parser, ValueEnum};
use tuplenet::{
    Error, Result,
    objective::{Curve, Optimizer},
    prelude::*,
};

use crate::{
    distributed::RankOptions,
    engine::EngineOptions,
    network::{Hidden, NetworkType},
    unwritable,
};

/// Trains a typed network on handwritten digits.
#[derive(Debug, Parser)]
pub struct Options {
    #[command(flatten)]
    pub engine: EngineOptions,
    /// Network: `mlp`, 784 -> hidden -> 10; `lenet`, with two convolutions; `resnet`, with nine, in residual blocks
    #[arg(long, value_enum, default_value_t = NetworkName::Mlp)]
    network: NetworkName,
    /// Width of the hidden layer of `mlp`, default 500; each is a separate type
    #[arg(long, value_enum)]
    hidden: Option<Hidden>,
    /// Number of passes over the training set
    #[arg(long, default_value_t = 5)]
    pub epochs: usize,
    /// Batch size
    #[arg(long, default_value_t = 100)]
    pub batch: usize,
    /// Learning rate; default 0.001 for Adam and AdamW, 0.1 for SGD
    #[arg(long, allow_negative_numbers = true)]
    pub lr: Option<f64>,
    /// Optimizer
    #[arg(long, value_enum, default_value_t = OptimizerName::Adam)]
    pub optimizer: OptimizerName,
    /// Seed of initial weights, sample order and built-in digits
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Learning-rate schedule over the training; its peak is --lr
    #[arg(long, value_enum, default_value_t = ScheduleName::Constant)]
    pub schedule: ScheduleName,
    /// Fraction of the training in which the learning rate warms up to the start of the schedule
    #[arg(long, value_name = "SHARE")]
    pub warm_up: Option<f64>,
    /// L2 penalty of SGD and Adam, decoupled decay of AdamW; default 0.01 for AdamW, else 0
    #[arg(long)]
    pub weight_decay: Option<f64>,
    /// Fraction of the label's probability that is spread over all classes
    #[arg(long, default_value_t = 0.0)]
    pub label_smoothing: f64,
    /// Maximum norm of a step's gradient; larger gradients are scaled down to it
    #[arg(long, value_name = "NORM")]
    pub clip_norm: Option<f64>,
    /// Number of training samples in the validation split, stratified by class
    #[arg(long, default_value_t = 0)]
    pub validation: usize,
    /// Stop after this many epochs without a better validation loss, and restore the best weights
    #[arg(long, value_name = "EPOCHS")]
    pub patience: Option<usize>,
    #[command(flatten)]
    pub checkpoints: CheckpointOptions,
    #[command(flatten)]
    pub ranks: RankOptions,
    /// Folder with MNIST's four files (also Fashion-MNIST's or KMNIST's)
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Download MNIST into --data, or into the user's cache folder
    #[arg(long)]
    pub download: bool,
    /// Train on built-in digits; if MNIST is available, also test on it
    #[arg(long)]
    pub built_in: bool,
    /// Augment MNIST's training images in every epoch: random rotation, shear, scale, shift and elastic distortion
    #[arg(long, conflicts_with = "built_in")]
    pub augment: bool,
    /// Where to write the weights, as safetensors; or the network with its weights as ONNX, where the name ends in `.onnx`
    #[arg(long, value_name = "FILE", default_value = "target/mnist.safetensors")]
    pub save: PathBuf,
    /// Folder for the settings needed to reproduce the run, and its history as JSON Lines
    #[arg(long, value_name = "DIR", default_value = "target/mnist-run")]
    pub run: PathBuf,
    /// Where to plot loss, accuracy and learning rate, as SVG
    #[arg(long, value_name = "FILE", default_value = "target/mnist.svg")]
    pub plot: PathBuf,
    /// Where to write a summary of the run as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CheckpointOptions {
    /// Folder for checkpoints, written after each epoch and on Ctrl-C
    #[arg(long = "checkpoint", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Also write one when this many seconds have passed since the last
    #[arg(
        long,
        value_name = "SECONDS",
        requires = "folder",
        allow_negative_numbers = true
    )]
    every: Option<f64>,
    /// Number of newest checkpoints to keep
    #[arg(long, value_name = "N", default_value_t = 3)]
    keep: usize,
    /// Resume from the newest checkpoint; without one, start a new training
    #[arg(long, requires = "folder")]
    resume: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ScheduleName {
    Constant,
    OneCycle,
    Cosine,
    Step,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum NetworkName {
    Mlp,
    Lenet,
    Resnet,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum OptimizerName {
    Sgd,
    Adam,
    Adamw,
}

impl Options {
    /// The type of the network.
    pub fn network(&self) -> Result<NetworkType> {
        let without_hidden = |network: NetworkType, name: &str| match self.hidden {
            None => Ok(network),
            Some(hidden) => Err(Error::Setting {
                setting: "hidden",
                expected: format!("none with the network {name}"),
                found: (hidden as usize).to_string(),
            }),
        };
        match self.network {
            NetworkName::Mlp => Ok(NetworkType::Mlp(self.hidden.unwrap_or(Hidden::H500))),
            NetworkName::Lenet => without_hidden(NetworkType::LeNet, "lenet"),
            NetworkName::Resnet => without_hidden(NetworkType::ResNet, "resnet"),
        }
    }

    pub fn optimizer(&self) -> Optimizer {
        let lr = |default| self.lr.unwrap_or(default);
        let decay = |default| self.weight_decay.unwrap_or(default);
        match self.optimizer {
            OptimizerName::Sgd => Sgd {
                learning_rate: lr(0.1),
                momentum: 0.9,
                weight_decay: decay(0.0),
                ..Sgd::default()
            }
            .into(),
            OptimizerName::Adam => Adam {
                learning_rate: lr(1e-3),
                weight_decay: decay(0.0),
                ..Adam::default()
            }
            .into(),
            OptimizerName::Adamw => AdamW {
                learning_rate: lr(1e-3),
                weight_decay: decay(0.01),
                ..AdamW::default()
            }
            .into(),
        }
    }

    pub fn schedule(&self) -> Schedule {
        let curve = match self.schedule {
            ScheduleName::Constant => Curve::Constant,
            ScheduleName::OneCycle => OneCycle::default().into(),
            ScheduleName::Cosine => Cosine::default().into(),
            ScheduleName::Step => StepDecay::default().into(),
        };
        let warm_up = self.warm_up.map(|fraction| WarmUp {
            fraction,
            ..WarmUp::default()
        });
        Schedule { warm_up, curve }
    }

    pub fn loss(&self) -> Loss {
        match self.label_smoothing {
            0.0 => Loss::CrossEntropy,
            smoothing => Loss::SmoothedCrossEntropy { smoothing },
        }
    }

    /// Writes the trained network in the format of the file's name.
    pub fn save_weights<N: Network>(&self, weights: &Weights<N>) -> Result<()> {
        match self.save.extension().is_some_and(|format| format == "onnx") {
            true => weights.save_onnx(&self.save),
            false => weights.save(&self.save),
        }
    }

    /// Checks before training that all results can be written.
    pub fn check_outputs(&self) -> Result<()> {
        [Some(&self.save), Some(&self.plot), self.json.as_ref()]
            .into_iter()
            .flatten()
            .try_for_each(|path| check_output(path))
    }
}

impl CheckpointOptions {
    /// Where to write checkpoints, if anywhere. Prints which one is resumed.
    pub fn choose(&self) -> Result<Option<Checkpoints>> {
        let Some(folder) = &self.folder else {
            return Ok(None);
        };
        let mut checkpoints = Checkpoints::in_folder(folder)
            .keep(self.keep)
            .resume(self.resume);
        if let Some(seconds) = self.every {
            let every = Duration::try_from_secs_f64(seconds).map_err(|_| Error::Setting {
                setting: "every",
                expected: "seconds, 0 or more".to_owned(),
                found: seconds.to_string(),
            })?;
            checkpoints = checkpoints.every(every);
        }
        if self.resume {
            match Checkpoints::newest(folder)? {
                Some(newest) => println!("resuming from {}", newest.display()),
                None => println!(
                    "no checkpoint in {} yet: starting a new training",
                    folder.display()
                ),
            }
        }
        Ok(Some(checkpoints))
    }
}

fn check_output(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(unwritable(path, std::io::ErrorKind::IsADirectory.into()));
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if folder == Path::new("target") {
        // the default, which does not exist if the program runs outside the repository
        std::fs::create_dir_all(folder).map_err(|source| unwritable(path, source))?;
    }
    tempfile::NamedTempFile::new_in(folder).map_err(|source| unwritable(path, source))?;
    Ok(())
}
