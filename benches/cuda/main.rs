//! Compares the engines `FusedCuda` and `Tape` on an NVIDIA GPU with PyTorch and JAX on the same device: one training step and one
//! forward pass.
//!
//! benches/README.md describes the method. `scripts/cuda-build bench --features cuda --bench cuda -- --help`

#![allow(missing_docs)] // a program, not a library

#[macro_use]
#[path = "../../examples/mnist/output.rs"]
mod output;

mod contender;
#[path = "../../examples/mnist/device.rs"]
mod device;
#[path = "../harness/mod.rs"]
mod harness;
mod options;
mod ours;

use std::process::ExitCode;

use clap::Parser;

use self::{
    harness::{
        Benchmark,
        case::{Case, on_grid},
        options::Only,
        served::Result,
    },
    options::Options,
};

fn main() -> ExitCode {
    let options = Options::parse();
    harness::exit(match options.serve {
        Some(engine) => ours::serve(options.device, engine),
        None => compare(&options),
    })
}

fn compare(options: &Options) -> Result<()> {
    let json = options.common.json()?;
    let benchmark = Benchmark {
        options: &options.common,
        device: ours::find(options.device)?,
        avx2: false,
        contenders: contender::available(options)?,
        cases: cases(options)?,
    };
    benchmark.run(json)
}

/// The cases, in the order in which they are measured.
fn cases(options: &Options) -> Result<Vec<Case>> {
    let common = &options.common;
    let mut cases = Vec::new();
    for (task, trains) in [(Only::Train, true), (Only::Infer, false)] {
        if common.only.is_none_or(|only| only == task) {
            cases.extend(on_grid(common, trains)?);
        }
    }
    Ok(cases)
}
