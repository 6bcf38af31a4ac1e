//! The rivals' benchmark: one training step and one prediction, ours beside the others'.
//!
//! Every contender is a process of its own that answers over a pipe (`served.rs`), and all but the
//! one that is measured are stopped. benches/README.md has the rules.
//! `cargo bench --bench peers -- --help`

#![allow(missing_docs)] // a program, not a library

mod case;
mod contender;
mod data;
mod machine;
mod measure;
mod options;
mod others;
mod ours;
mod process;
mod report;
mod served;
mod table;

use std::{fs::File, io::Write, process::ExitCode};

use clap::Parser;

use self::{data::Source, machine::Machine, measure::measure, options::Options, served::Result};

fn main() -> ExitCode {
    let options = Options::parse();
    let done = if options.serve {
        ours::serve()
    } else {
        compare(&options)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<()> {
    // Found out now, not after ten minutes.
    let json = options.json.as_ref().map(|path| {
        File::create(path).map_err(|error| format!("{}: cannot write: {error}", path.display()))
    });
    let json = json.transpose()?;
    let contenders = contender::available(options)?;
    let source = Source::find()?;
    let machine = Machine::this();
    table::head(&machine, &source, options);
    let folder = tempfile::tempdir()?;
    let mut results = Vec::new();
    for case in case::all(options) {
        data::write(folder.path(), &case, &source)?;
        let outcome = measure(&contenders, case, folder.path(), options)?;
        table::outcome(&outcome, &source);
        results.push(outcome);
    }
    table::foot(&contenders, &results, options);
    if let Some(mut file) = json {
        let report = report::json(&machine, &source, options, &contenders, &results);
        writeln!(file, "{report:#}")?;
    }
    Ok(())
}
