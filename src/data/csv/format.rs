//! [`Format`]: how a file of comma-separated values is written.

use crate::error::{Error, Result};

/// How a table is written; the methods of [`Csv`](super::Csv) document the settings.
#[derive(Clone, Debug)]
pub(super) struct Format {
    pub(super) has_header: bool,
    pub(super) delimiter: u8,
    pub(super) quote: Option<u8>,
    pub(super) skip_lines: u64,
    pub(super) max_record_bytes: usize,
}

impl Format {
    /// Checks that delimiter and quote differ, and that neither is a line ending or part of a number or word.
    pub(super) fn check(&self) -> Result<()> {
        let refused = |setting, expected: &str, byte: u8| Error::Setting {
            setting,
            expected: expected.to_owned(),
            found: format!("`{}`", byte.escape_ascii()),
        };
        for (setting, byte) in [("delimiter", Some(self.delimiter)), ("quote", self.quote)] {
            let is_valid = |byte: &u8| {
                byte.is_ascii()
                    && !byte.is_ascii_alphanumeric()
                    && !matches!(byte, b'\n' | b'\r' | 0)
            };
            if let Some(byte) = byte.filter(|byte| !is_valid(byte)) {
                let expected =
                    "an ASCII character that is no letter, digit or line ending, and not 0";
                return Err(refused(setting, expected, byte));
            }
        }
        match self.quote {
            Some(quote) if quote == self.delimiter => {
                Err(refused("quote", "another byte than the delimiter", quote))
            }
            _ => Ok(()),
        }
    }
}
