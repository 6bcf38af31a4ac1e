//! Command-line options.

use clap::Parser;
use tuplenet::engine::Batches;

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
    /// Run as tuplenet's process, with batches of this kind
    #[arg(long, hide = true, value_parser = batches)]
    pub serve: Option<Batches>,
}

/// The kinds of batches; each is a contender.
pub const BATCHES: [(&str, Batches); 2] = [
    ("uploaded", Batches::Uploaded),
    ("gathered", Batches::Gathered),
];

fn batches(text: &str) -> Result<Batches, String> {
    let found = BATCHES.into_iter().find(|(name, _)| *name == text);
    let (_, batches) = found.ok_or("expected uploaded or gathered")?;
    Ok(batches)
}
