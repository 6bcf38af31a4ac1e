//! Exit codes, shared by the examples: an error prints one line.

use std::process::ExitCode;

use tuplenet::{Error, Result};

/// The shells' exit code for a program terminated by Ctrl-C.
pub const INTERRUPTED: u8 = 130;

/// 0 if the goal was reached; 1 if not, and for errors; 2, like clap, for errors in the command line.
pub fn code(reached: Result<bool>) -> ExitCode {
    let error = match reached {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => return ExitCode::FAILURE,
        Err(error) => error,
    };
    eprintln!("error: {error}");
    ExitCode::from(match error {
        Error::Setting { .. } => 2,
        Error::Stopped { .. } => INTERRUPTED,
        _ => 1,
    })
}
