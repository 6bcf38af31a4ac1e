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
        cases: cases(options),
    };
    benchmark.run(json)
}

/// The cases, in the order in which they are measured.
fn cases(options: &Options) -> Vec<Case> {
    let common = &options.common;
    let mut cases = Vec::new();
    if common.only != Some(Only::Infer) {
        cases.extend(on_grid(common, true));
    }
    if common.only != Some(Only::Train) {
        let mut infer = |shape, batch, dense| {
            // `--dense` leaves out pixels.
            if dense || !common.dense {
                cases.push(Case::new(common, false, shape, batch, dense));
            }
        };
        for hidden in [128, 500] {
            infer([784, hidden, 10], 1, false);
            infer([784, hidden, 10], 1, true);
        }
        infer([64, 64, 16], 1, true);
        infer([784, 500, 10], 1024, false);
        infer([784, 500, 10], 1024, true);
    }
    cases
}
