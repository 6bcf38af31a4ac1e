//! How an example ends, the same in every one: an error is one line.

use std::process::ExitCode;

use tuplenet::{Error, Result};

/// As shells have it for a program that Ctrl-C ended.
pub const INTERRUPTED: u8 = 130;

/// 0 for what was reached; 1 for what was not, and for an error; 2, as clap has it, where the command line is at
/// fault.
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
