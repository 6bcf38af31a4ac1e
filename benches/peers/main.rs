//! Compares tuplenet with other libraries on the CPU: one training step and one prediction.
//!
//! benches/README.md describes the method. `cargo bench --bench peers -- --help`

#![allow(missing_docs)] // a program, not a library

#[macro_use]
#[path = "../../examples/mnist/output.rs"]
mod output;

mod contender;
#[path = "../harness/mod.rs"]
mod harness;
mod options;
mod ours;

use std::{error::Error, process::ExitCode};

use clap::Parser;

use self::{
    harness::{
        Benchmark,
        case::{Case, on_grid},
        options::Only,
        served::Result,
    },
    options::{Networks, Options},
};

fn main() -> ExitCode {
    let options = Options::parse();
    harness::exit(if options.serve {
        ours::serve()
    } else {
        compare(&options)
    })
}

fn compare(options: &Options) -> Result<()> {
    let json = options.common.json()?;
    let benchmark = Benchmark {
        options: &options.common,
        device: "cpu".to_owned(),
        avx2: options.avx2,
        contenders: contender::available(options)?,
        cases: cases(options)?,
    };
    benchmark.run(json)
}

/// The networks of images.
const IMAGES: [&str; 4] = ["small", "lenet", "mid", "resnet"];

/// The cases, in the order in which they are measured.
fn cases(options: &Options) -> Result<Vec<Case>> {
    let common = &options.common;
    let (vectors, images) = match options.networks {
        None => (true, true),
        Some(networks) => (networks == Networks::Vectors, networks == Networks::Images),
    };
    let mut cases = Vec::new();
    if common.only != Some(Only::Infer) {
        if vectors {
            cases.extend(on_grid(common, true)?);
        }
        for network in IMAGES.into_iter().filter(|_| images) {
            cases.push(Case::new(common, true, network.to_owned(), 64, false)?);
        }
    }
    if common.only != Some(Only::Train) {
        let mut infer = |network: &str, batch, dense| {
            // `--dense` leaves out pixels.
            if dense || !common.dense {
                cases.push(Case::new(common, false, network.to_owned(), batch, dense)?);
            }
            Ok::<_, Box<dyn Error>>(())
        };
        if vectors {
            for network in ["784-128-10", "784-500-10"] {
                infer(network, 1, false)?;
                infer(network, 1, true)?;
            }
            infer("64-64-16", 1, true)?;
            infer("784-500-10", 1024, false)?;
            infer("784-500-10", 1024, true)?;
        }
        for network in IMAGES.into_iter().filter(|_| images) {
            infer(network, 1, false)?;
        }
    }
    Ok(cases)
}
