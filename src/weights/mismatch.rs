//! [`Mismatch`]: why a weights file does not match a network, as an error that the compiler can also print.

use core::fmt;

use crate::text::Text;

/// The error of a weights file that does not match the network.
///
/// It stores its message without a heap allocation, so it can be built at compile time: the compile error of `frozen!`
/// has the same text that the run-time loaders return.
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

    /// An error of the file as a whole.
    pub(crate) const fn header(expected: Text<192>, found: Text<192>) -> Self {
        Mismatch::of("header", expected, found)
    }

    /// The tensor's name, as in `0.weight`; `header` for the file as a whole, `names` for the list of layer names.
    pub const fn tensor(&self) -> &str {
        self.tensor.as_str()
    }

    /// What the network expects.
    pub const fn expected(&self) -> &str {
        self.expected.as_str()
    }

    /// What the file contains.
    pub const fn found(&self) -> &str {
        self.found.as_str()
    }

    /// The whole message in one line, with the kind and the path of the file.
    pub(crate) const fn message(&self, kind: &str, path: &str) -> Text<640> {
        Text::of(kind)
            .then(" `")
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
