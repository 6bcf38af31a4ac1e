//! What the command line asks for.

use clap::Parser;
use tuplenet::engine::Batches;

use crate::{device::Device, harness::options::Common};

/// One training step and one forward pass of tuplenet's engine `Tape` on a GPU, beside its rivals.
#[derive(Debug, Parser)]
#[command(name = "cuda")]
pub struct Options {
    /// Where all compute: `cuda:N` for the NVIDIA GPU with this number, from 0 (`cuda` is `cuda:0`);
    /// `cpu` tries the benchmark where there is none
    #[arg(long, value_name = "cuda[:N]|cpu", default_value_t = Device::Cuda(0))]
    pub device: Device,
    #[command(flatten)]
    pub common: Common,
    /// Be the process of our own engine with batches of this kind
    #[arg(long, hide = true, value_parser = batches)]
    pub serve: Option<Batches>,
}

/// The kinds of batches, each a contender.
pub const BATCHES: [(&str, Batches); 2] = [
    ("uploaded", Batches::Uploaded),
    ("gathered", Batches::Gathered),
];

fn batches(text: &str) -> Result<Batches, String> {
    let found = BATCHES.into_iter().find(|(name, _)| *name == text);
    let (_, batches) = found.ok_or("expected uploaded or gathered")?;
    Ok(batches)
}
