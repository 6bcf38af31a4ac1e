//! What the benchmarks that compare us with others have in common: each is a list of contenders, a
//! list of cases and a program that serves our own engine.
//!
//! Every contender is a process of its own that answers over a pipe (`served.rs`), and all but the
//! one that is measured are stopped. benches/README.md has the rules.

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

/// Who is compared, in what, and where.
pub struct Benchmark<'a> {
    pub options: &'a Common,
    /// Where all compute, as in `cpu`.
    pub device: String,
    /// Whether those who can be kept to AVX2 are.
    pub avx2: bool,
    /// Ours first.
    pub contenders: Vec<Contender>,
    pub cases: Vec<Case>,
}

impl Benchmark<'_> {
    /// Measures all cases; the tables go to the terminal, the same figures to `json`.
    pub fn run(&self, json: Option<File>) -> Result<()> {
        let source = Source::find()?;
        let machine = Machine::this();
        table::head(self, &machine, &source);
        let folder = tempfile::tempdir()?;
        let mut results = Vec::new();
        for case in &self.cases {
            data::write(folder.path(), case, &source)?;
            let outcome = measure(self, case, folder.path())?;
            table::outcome(&outcome, &source);
            results.push(outcome);
        }
        table::foot(self, &results);
        if let Some(mut file) = json {
            let report = report::json(self, &machine, &source, &results);
            writeln!(file, "{report:#}")?;
        }
        Ok(())
    }
}

/// The end of the program.
pub fn exit(done: Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
