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

use crate::{engine::EngineOptions, unwritable};

/// Trains a typed network, 784 -> hidden -> 10, on handwritten digits.
#[derive(Debug, Parser)]
pub struct Options {
    #[command(flatten)]
    pub engine: EngineOptions,
    /// Width of the hidden layer; each is a type of its own
    #[arg(long, value_enum, default_value_t = Hidden::H500)]
    pub hidden: Hidden,
    /// Times to go through the training samples
    #[arg(long, default_value_t = 5)]
    pub epochs: usize,
    /// Samples in a batch
    #[arg(long, default_value_t = 100)]
    pub batch: usize,
    /// Learning rate; 0.001 for Adam and AdamW, 0.1 for SGD unless named
    #[arg(long, allow_negative_numbers = true)]
    pub lr: Option<f64>,
    /// How a gradient changes the weights
    #[arg(long, value_enum, default_value_t = OptimizerName::Adam)]
    pub optimizer: OptimizerName,
    /// Decides initial weights, order and built-in digits
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// How the learning rate changes over the training; its peak is --lr
    #[arg(long, value_enum, default_value_t = ScheduleName::Constant)]
    pub schedule: ScheduleName,
    /// Let the learning rate first go up to the schedule's beginning, for this share of the training
    #[arg(long, value_name = "SHARE")]
    pub warm_up: Option<f64>,
    /// L2 penalty of SGD and Adam, decoupled decay of AdamW; 0.01 for AdamW unless named, else 0
    #[arg(long)]
    pub weight_decay: Option<f64>,
    /// Share of a label that is spread over all classes
    #[arg(long, default_value_t = 0.0)]
    pub label_smoothing: f64,
    /// Norm that a step's gradient is scaled down to where it is larger
    #[arg(long, value_name = "NORM")]
    pub clip_norm: Option<f64>,
    /// Training samples held back to measure on after each epoch, of each class its share
    #[arg(long, default_value_t = 0)]
    pub validation: usize,
    /// Stop after so many epochs without a better validation loss, with the best epoch's weights
    #[arg(long, value_name = "EPOCHS")]
    pub patience: Option<usize>,
    #[command(flatten)]
    pub checkpoints: CheckpointOptions,
    /// Folder with MNIST's four files (also Fashion-MNIST's or KMNIST's)
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Fetch MNIST into --data, or into the user's cache folder
    #[arg(long)]
    pub download: bool,
    /// Train on built-in digits; with MNIST at hand, also test on it
    #[arg(long)]
    pub built_in: bool,
    /// Distort MNIST's training images afresh in every epoch: rotated, sheared, scaled, shifted, bent
    #[arg(long, conflicts_with = "built_in")]
    pub augment: bool,
    /// Where to write the weights
    #[arg(long, value_name = "FILE", default_value = "target/mnist.safetensors")]
    pub save: PathBuf,
    /// Folder for what it takes to repeat the run, and its history as JSON lines
    #[arg(long, value_name = "DIR", default_value = "target/mnist-run")]
    pub run: PathBuf,
    /// Where to draw loss, accuracy and learning rate, as SVG
    #[arg(long, value_name = "FILE", default_value = "target/mnist.svg")]
    pub plot: PathBuf,
    /// Where to write the run's summary, for scripts
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct CheckpointOptions {
    /// Folder for checkpoints, one at the end of each epoch; Ctrl-C writes one as well
    #[arg(long = "checkpoint", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Also write one when so many seconds have passed since the last
    #[arg(
        long,
        value_name = "SECONDS",
        requires = "folder",
        allow_negative_numbers = true
    )]
    every: Option<f64>,
    /// How many checkpoints are kept, the newest
    #[arg(long, value_name = "N", default_value_t = 3)]
    keep: usize,
    /// Go on from the newest checkpoint; with none there, begin
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
pub enum Hidden {
    #[value(name = "32")]
    H32,
    #[value(name = "128")]
    H128,
    #[value(name = "500")]
    H500,
    #[value(name = "800")]
    H800,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum OptimizerName {
    Sgd,
    Adam,
    Adamw,
}

impl Options {
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

    /// Finds out before training, not after it, that a result could not be written.
    pub fn check_outputs(&self) -> Result<()> {
        [Some(&self.save), Some(&self.plot), self.json.as_ref()]
            .into_iter()
            .flatten()
            .try_for_each(|path| check_output(path))
    }
}

impl CheckpointOptions {
    /// Where to write checkpoints, if anywhere. Says what there is to resume.
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
                    "no checkpoint in {} yet: from the beginning",
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
        // the default, which is not there when the program runs elsewhere
        std::fs::create_dir_all(folder).map_err(|source| unwritable(path, source))?;
    }
    tempfile::NamedTempFile::new_in(folder).map_err(|source| unwritable(path, source))?;
    Ok(())
}
