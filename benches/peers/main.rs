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
        case::{Case, Values, on_grid},
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

/// The networks that are also measured in eight bits, and their samples.
const EMBEDDED: [(&str, Values); 5] = [
    ("784-128-10", Values::Pixels),
    ("784-128-10", Values::Dense),
    ("64-64-16", Values::Dense),
    ("autoencoder", Values::Dense),
    ("resnet-32", Values::Dense),
];

/// The cases, in the order in which they are measured.
fn cases(options: &Options) -> Result<Vec<Case>> {
    let common = &options.common;
    let selects = |kind| options.networks.is_none_or(|networks| networks == kind);
    let [vectors, images, tokens, embedded] = [
        Networks::Vectors,
        Networks::Images,
        Networks::Tokens,
        Networks::Embedded,
    ]
    .map(selects);
    let mut cases = Vec::new();
    if common.only != Some(Only::Infer) {
        let train = |network: &str, batch, values| {
            Case::new(common, true, network.to_owned(), batch, values)
        };
        if vectors {
            cases.extend(on_grid(common, true)?);
        }
        for network in IMAGES.into_iter().filter(|_| images) {
            cases.push(train(network, 64, Values::Pixels)?);
        }
        if tokens {
            cases.push(train("bag", 256, Values::Tokens)?);
            cases.push(train("text", 256, Values::Tokens)?);
            cases.push(train("counts", 256, Values::Counts)?);
        }
    }
    if common.only != Some(Only::Train) {
        let mut infer = |network: &str, batch, values| {
            // `--dense` leaves out pixels.
            if values == Values::Dense || !common.dense {
                cases.push(Case::new(common, false, network.to_owned(), batch, values)?);
            }
            Ok::<_, Box<dyn Error>>(())
        };
        if vectors {
            for network in ["784-128-10", "784-500-10"] {
                infer(network, 1, Values::Pixels)?;
                infer(network, 1, Values::Dense)?;
            }
            infer("64-64-16", 1, Values::Dense)?;
            infer("784-500-10", 1024, Values::Pixels)?;
            infer("784-500-10", 1024, Values::Dense)?;
        }
        for network in IMAGES.into_iter().filter(|_| images) {
            infer(network, 1, Values::Pixels)?;
        }
        for (network, values) in EMBEDDED.into_iter().filter(|_| embedded) {
            for eight_bits in [false, true] {
                let case = Case::new(common, false, network.to_owned(), 1, values)?;
                cases.push(Case { eight_bits, ..case });
            }
        }
    }
    match cases.is_empty() {
        true => Err("--networks: nothing of these networks is measured for this task".into()),
        false => Ok(cases),
    }
}
