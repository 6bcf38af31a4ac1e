//! Standard output of the examples and benchmarks: `println!` without its panic when the reader of a pipe has exited, as
//! `head` does, or the disk is full.
//!
//! The first failure is kept and later lines are dropped, so that a training still writes its files, which are worth more
//! than the text. [`exit_code`] reports the failure; a program that only prints checks for it and ends early.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write},
    process::ExitCode,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// The shells' exit code for a program terminated by SIGPIPE.
const BROKEN_PIPE: u8 = 141;

static FAILURE: OnceLock<io::Error> = OnceLock::new();

/// Whether another process prints what this one would.
pub static IS_MUTED: AtomicBool = AtomicBool::new(false);

/// The first failure to write to standard output.
pub fn failure() -> Option<&'static io::Error> {
    FAILURE.get()
}

/// Takes the place of the standard library's macro.
macro_rules! println {
    () => { println!("") };
    ($($argument:tt)*) => { $crate::output::print_line(format_args!($($argument)*)) };
}

/// Takes the place of the standard library's macro.
macro_rules! eprintln {
    ($($argument:tt)*) => { $crate::output::print_error(format_args!($($argument)*)) };
}

pub fn print_line(line: Arguments) {
    if !IS_MUTED.load(Ordering::Relaxed)
        && failure().is_none()
        && let Err(error) = writeln!(io::stdout(), "{line}")
    {
        // Another thread may have set it.
        let _ = FAILURE.set(error);
    }
}

pub fn print_error(line: Arguments) {
    // There is nowhere else to report it.
    let _ = writeln!(io::stderr(), "{line}");
}

/// `code`, unless the output is incomplete: then 141 if its reader exited early, as if terminated by SIGPIPE, else 1 and
/// an error of one line.
pub fn exit_code(code: ExitCode) -> ExitCode {
    match failure() {
        None => code,
        Some(failure) if failure.kind() == ErrorKind::BrokenPipe => ExitCode::from(BROKEN_PIPE),
        Some(failure) => {
            eprintln!("error: standard output: cannot write: {failure}; redirect it elsewhere");
            ExitCode::FAILURE
        }
    }
}
