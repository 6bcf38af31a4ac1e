//! Exit codes, shared by the examples: an error prints one line.

use std::process::ExitCode;

use tuplenet::{Error, Result};

use crate::output;

/// The shells' exit code for a program terminated by Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// 0 if the goal was reached; 1 if not, and for errors; 2, like clap, for errors in the command line; 141 if the
/// reader of the output exited early.
pub fn code(reached: Result<bool>) -> ExitCode {
    let error = match reached {
        Ok(true) => return output::exit_code(ExitCode::SUCCESS),
        Ok(false) => return output::exit_code(ExitCode::FAILURE),
        Err(error) => error,
    };
    eprintln!("error: {error}");
    ExitCode::from(match error {
        Error::Setting { .. } => 2,
        Error::Stopped { .. } => INTERRUPTED,
        _ => 1,
    })
}
