//! Command-line options.

use clap::Parser;
use tuplenet::engine::{Batches, Precision};

use crate::{device::Device, harness::options::Common};

/// Compares one training step and one forward pass of tuplenet's engine `Tape` on a GPU with other libraries.
#[derive(Debug, Parser)]
#[command(name = "cuda")]
pub struct Options {
    /// The device of all contenders: `cuda:N` is the NVIDIA GPU number N, from 0 (`cuda` is `cuda:0`);
    /// `cpu` is for a trial run without a GPU
    #[arg(long, value_name = "cuda[:N]|cpu", default_value_t = Device::Cuda(0))]
    pub device: Device,
    #[command(flatten)]
    pub common: Common,
    /// Run as tuplenet's process, with this engine
    #[arg(long, hide = true, value_parser = engine)]
    pub serve: Option<Ours>,
}

/// tuplenet's engines; each is a contender.
#[derive(Clone, Copy, Debug)]
pub enum Ours {
    /// `FusedCuda`, on a GPU alone, with products of this precision.
    Fused(Precision),
    /// `Tape`, with batches of this kind.
    Tape(Batches),
}

fn engine(text: &str) -> Result<Ours, String> {
    match text {
        "fused" => Ok(Ours::Fused(Precision::F32)),
        "fused-tf32" => Ok(Ours::Fused(Precision::Tf32)),
        "fused-bf16" => Ok(Ours::Fused(Precision::Bf16)),
        "uploaded" => Ok(Ours::Tape(Batches::Uploaded)),
        "gathered" => Ok(Ours::Tape(Batches::Gathered)),
        _ => Err("expected fused, fused-tf32, fused-bf16, uploaded or gathered".to_owned()),
    }
}
