//! Shared by the benchmarks that compare tuplenet with other libraries, `peers` and `cuda`: each has a list of
//! contenders, a list of cases and a process that runs tuplenet.
//!
//! Every contender is a separate process that answers commands over a pipe (`served.rs`); all except the one being
//! measured are stopped. benches/README.md describes the method.

pub mod case;
pub mod contender;
mod data;
mod machine;
mod measure;
pub mod network;
pub mod options;
mod others;
mod process;
mod report;
pub mod served;
mod table;
pub mod training;

use std::{fs::File, io::Write, process::ExitCode};

use self::{
    case::Case, contender::Contender, data::Source, machine::Machine, measure::measure,
    options::Common, served::Result,
};
use crate::output;

/// The contenders, the cases and the device.
pub struct Benchmark<'a> {
    pub options: &'a Common,
    /// The device that all contenders compute on, such as `cpu`.
    pub device: String,
    /// Whether AVX-512 is disabled in the contenders that can disable it.
    pub avx2: bool,
    /// tuplenet first.
    pub contenders: Vec<Contender>,
    pub cases: Vec<Case>,
}

impl Benchmark<'_> {
    /// Measures all cases; prints the tables and writes the same figures to `json`.
    pub fn run(&self, json: Option<File>) -> Result<()> {
        let source = Source::find()?;
        let machine = Machine::this();
        table::header(self, &machine, &source);
        let folder = tempfile::tempdir()?;
        let mut results = Vec::new();
        for case in &self.cases {
            data::write(folder.path(), case, &source)?;
            let outcome = measure(self, case, folder.path())?;
            table::outcome(&outcome, &source);
            results.push(outcome);
            if output::failure().is_some() && json.is_none() {
                return Ok(()); // nobody reads the results
            }
        }
        table::footer(self, &results);
        if let Some(mut file) = json {
            let report = report::json(self, &machine, &source, &results);
            writeln!(file, "{report:#}")?;
        }
        Ok(())
    }
}

/// The program's exit code; prints an error.
pub fn exit(done: Result<()>) -> ExitCode {
    match done {
        Ok(()) => output::exit_code(ExitCode::SUCCESS),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
