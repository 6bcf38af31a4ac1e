//! What is wrong with a kernel, and where.

use std::fmt;

/// A fault that ends a launch.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub kernel: String,
    /// The line of the PTX text.
    pub line: u32,
    /// The line of the source, where the compiler was asked for it.
    pub source_line: Option<u32>,
    pub block: [u32; 3],
    pub thread: [u32; 3],
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault {
            kernel,
            line,
            block,
            thread,
            what,
            ..
        } = self;
        write!(f, "{what} (kernel {kernel}, line {line} of its PTX")?;
        if let Some(line) = self.source_line {
            write!(f, ", line {line} of its source")?;
        }
        write!(f, ", block {block:?}, thread {thread:?})")
    }
}
