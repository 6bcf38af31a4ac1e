//! Exit codes, shared by the examples: an error prints one line.

use std::{io::ErrorKind, process::ExitCode};

use tuplenet::{Error, Result};

use crate::output;

/// The shells' exit code for a program terminated by Ctrl-C.
pub const INTERRUPTED: u8 = 130;
/// The shells' exit code for a program terminated by SIGPIPE.
const BROKEN_PIPE: u8 = 141;

/// 0 if the goal was reached; 1 if not, and for errors; 2, like clap, for errors in the command line; 141 if the
/// reader of the output exited early.
pub fn code(reached: Result<bool>) -> ExitCode {
    match (reached, output::failure()) {
        (Ok(true), None) => ExitCode::SUCCESS,
        (Ok(false), None) => ExitCode::FAILURE,
        (Ok(_), Some(failure)) if failure.kind() == ErrorKind::BrokenPipe => {
            ExitCode::from(BROKEN_PIPE)
        }
        (Ok(_), Some(failure)) => {
            eprintln!("error: standard output: cannot write: {failure}; redirect it elsewhere");
            ExitCode::FAILURE
        }
        (Err(error), _) => {
            eprintln!("error: {error}");
            ExitCode::from(match error {
                Error::Setting { .. } => 2,
                Error::Stopped { .. } => INTERRUPTED,
                _ => 1,
            })
        }
    }
}
