//! How the cost of a training with `Fused` grows: time of a step, and memory, against the size of the network, of the batch,
//! of the data set, and the number of threads.
//!
//! benches/README.md describes the method. `cargo bench --bench growth -- --help`

#![allow(missing_docs)] // a program, not a library

#[macro_use]
#[path = "../../examples/mnist/output.rs"]
mod output;

mod axis;
mod bandwidth;
mod chart;
mod digits;
mod fit;
#[path = "../harness/machine.rs"]
mod machine;
mod measure;
mod memory;
mod network;
mod options;
#[path = "../harness/others.rs"]
mod others;
mod page;
mod points;
mod process;
mod served;

use std::{error::Error, process::ExitCode};

use clap::Parser;

use self::{options::Options, points::Points};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(()) => output::exit_code(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    if let Some(setup) = &options.serve {
        return served::serve(setup);
    }
    let folder = options.folder();
    let mut points = Points::read(&folder)?;
    if !options.draw {
        let axes = options.axes();
        digits::draw(&options.data_folder(), options.most_samples(&axes))?;
        if options.digits {
            return Ok(());
        }
        points.set_machine();
        for axis in axes {
            points.replace(axis, measure::axis(axis, options)?);
            points.write(&folder)?;
        }
    }
    fit::print(&points);
    page::draw(&points, &folder)
}
