//! [`Mismatch`]: why a weights file does not fit a network, as an error that the compiler prints as well.

use core::fmt;

use crate::text::Text;

/// A weights file does not fit the network.
///
/// It owns its words without a heap, so it can be made while compiling: `frozen!` stops the compiler with
/// the same text that the run-time loaders return.
///
/// ```
/// use tuplenet::prelude::*;
///
/// type Net = (Linear<4, 3>, ReLU, Linear<3, 2>);
/// let mismatch = Frozen::<Net>::from_bytes(b"not a weights file").unwrap_err();
/// assert_eq!(mismatch.tensor(), "header");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mismatch {
    tensor: Text<64>,
    expected: Text<192>,
    found: Text<192>,
}

impl Mismatch {
    pub(crate) const fn of(tensor: &str, expected: Text<192>, found: Text<192>) -> Self {
        Mismatch {
            tensor: Text::of(tensor),
            expected,
            found,
        }
    }

    /// The file as a whole is at fault.
    pub(crate) const fn header(expected: Text<192>, found: Text<192>) -> Self {
        Mismatch::of("header", expected, found)
    }

    /// The tensor's name, as in `0.weight`; `header` for the file as a whole, `names` for the list of
    /// layers' names.
    pub const fn tensor(&self) -> &str {
        self.tensor.as_str()
    }

    /// What the network expects.
    pub const fn expected(&self) -> &str {
        self.expected.as_str()
    }

    /// What the file has.
    pub const fn found(&self) -> &str {
        self.found.as_str()
    }

    /// All of it in one line, after the file's path.
    pub(crate) const fn message(&self, path: &str) -> Text<640> {
        Text::of("weights file `")
            .then(path)
            .then("`: `")
            .then(self.tensor())
            .then("`: expected ")
            .then(self.expected())
            .then(", found ")
            .then(self.found())
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}`: expected {}, found {}",
            self.tensor, self.expected, self.found
        )
    }
}

impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mismatch({self})")
    }
}

impl core::error::Error for Mismatch {}
