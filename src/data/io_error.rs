//! The errors of data files: of the operating system, and of invalid contents.

use std::{io, path::Path};

use crate::error::Error;

/// Converts an error of the operating system.
pub(super) fn refused(
    path: &Path,
    action: &'static str,
    remedy: &'static str,
) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::Io {
        path,
        action,
        source,
        remedy,
    }
}

/// The error of invalid contents.
pub(super) fn bad(
    path: &Path,
    offset: Option<u64>,
    expected: impl Into<String>,
    found: impl Into<String>,
    remedy: &'static str,
) -> Error {
    Error::DataFile {
        path: path.to_owned(),
        offset,
        expected: expected.into(),
        found: found.into(),
        remedy,
    }
}
