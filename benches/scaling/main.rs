//! How a step's time depends on the number of ranks: measured by `measure`, predicted by `model`.
//!
//! benches/README.md describes both, under "How training scales over ranks". `cargo bench --bench scaling -- --help`

#![allow(missing_docs)] // a program, not a library

#[cfg(feature = "mpi")]
#[path = "../harness/machine.rs"]
mod machine;
#[cfg(feature = "mpi")]
mod measure;
mod measured;
mod model;
mod networks;
mod picture;
mod tables;

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use self::{measured::Measured, model::Model};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    part: Part,
    /// Passed by `cargo bench` to every benchmark
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Part {
    /// Prints the rows of `measured.tsv` of one rank, or of each rank that `scripts/mpi -n P` starts
    #[cfg(feature = "mpi")]
    Measure(measure::Options),
    /// Fits the model to measurements and prints its predictions as tables
    Model {
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/scaling/measured.tsv"))]
        measured: PathBuf,
        /// Also draws them
        #[arg(long, value_name = "FILE.svg")]
        picture: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let done = match Options::parse().part {
        #[cfg(feature = "mpi")]
        Part::Measure(options) => measure::run(&options),
        Part::Model { measured, picture } => predict(&measured, picture),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn predict(measured: &Path, picture: Option<PathBuf>) -> Result<()> {
    let measured = Measured::read(measured)?;
    let model = Model::fitted(&measured)?;
    print!("{}", tables::all(&measured, &model));
    match picture {
        Some(path) => Ok(fs::write(path, picture::draw(&model)?)?),
        None => Ok(()),
    }
}
