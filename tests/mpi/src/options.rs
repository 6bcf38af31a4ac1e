//! What a rank does.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use tuplenet::{
    distributed::{Compression, LocalSteps},
    objective::Optimizer,
    prelude::*,
};

#[derive(Parser)]
#[command(args_override_self = true)]
pub struct Options {
    /// Where each rank writes what it has
    #[arg(long)]
    pub out: PathBuf,
    #[arg(long, default_value = "mlp")]
    network: String,
    /// Steps without a trainer
    #[arg(long, default_value_t = 50)]
    pub steps: usize,
    /// Epochs with a trainer
    #[arg(long)]
    pub epochs: Option<usize>,
    #[arg(long, default_value_t = 100)]
    pub batch: usize,
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    #[arg(long)]
    pub clip: Option<f64>,
    /// `adam`, `sgd` or `momentum`
    #[arg(long, default_value = "adam")]
    optimizer: String,
    /// `fused` or `tape`
    #[arg(long, default_value = "fused")]
    pub engine: String,
    /// Trains without the other ranks
    #[arg(long)]
    pub alone: bool,
    #[arg(long)]
    bf16: bool,
    #[arg(long)]
    local_steps: Option<usize>,
    #[arg(long)]
    own_moments: bool,
    #[arg(long)]
    pub checkpoints: Option<PathBuf>,
    #[arg(long)]
    pub resume: bool,
    /// How rank 1 differs from the others
    #[arg(long)]
    pub differs: Option<Differs>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Differs {
    Data,
    Network,
    Settings,
    Simd,
    Version,
    /// It panics when the others train.
    Panics,
}

impl Options {
    /// Whether this is rank 1, and differs in this way; before MPI is initialised.
    pub fn differs_by(&self, by: Differs) -> bool {
        let rank = std::env::var("OMPI_COMM_WORLD_RANK");
        self.differs == Some(by) && rank.as_deref() == Ok("1")
    }

    pub fn optimizer(&self) -> Optimizer {
        match &self.optimizer[..] {
            "adam" => Adam::default().into(),
            "sgd" => Sgd::default().into(),
            "momentum" => Sgd {
                learning_rate: 0.1,
                momentum: 0.9,
                ..Sgd::default()
            }
            .into(),
            other => panic!("no optimiser {other}"),
        }
    }

    pub fn network(&self) -> String {
        match self.differs_by(Differs::Network) {
            true => "small".to_owned(),
            false => self.network.clone(),
        }
    }

    pub fn local_steps(&self) -> Option<LocalSteps> {
        let steps = self.local_steps?;
        let averages_moments = !self.own_moments;
        Some(LocalSteps {
            steps,
            averages_moments,
        })
    }

    pub fn compression(&self) -> Compression {
        match self.bf16 {
            true => Compression::Bf16,
            false => Compression::None,
        }
    }
}
