//! The command line of the example.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use tuplenet::{Result, prelude::*, train::Optimizer};

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
    /// Training samples held back to measure on after each epoch
    #[arg(long, default_value_t = 0)]
    pub validation: usize,
    /// Folder with MNIST's four files (also Fashion-MNIST's or KMNIST's)
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Fetch MNIST into --data, or into the user's cache folder
    #[arg(long)]
    pub download: bool,
    /// Train on built-in digits; with MNIST at hand, also test on it
    #[arg(long)]
    pub built_in: bool,
    /// Where to write the weights
    #[arg(long, value_name = "FILE", default_value = "target/mnist.safetensors")]
    pub save: PathBuf,
    /// Where to draw the loss curve, as SVG
    #[arg(long, value_name = "FILE", default_value = "target/mnist.svg")]
    pub plot: PathBuf,
    /// Where to write the run's summary, for scripts
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
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
        match self.optimizer {
            OptimizerName::Sgd => Sgd {
                learning_rate: lr(0.1),
                momentum: 0.9,
                ..Sgd::default()
            }
            .into(),
            OptimizerName::Adam => Adam {
                learning_rate: lr(1e-3),
                ..Adam::default()
            }
            .into(),
            OptimizerName::Adamw => AdamW {
                learning_rate: lr(1e-3),
                ..AdamW::default()
            }
            .into(),
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
