//! The errors of data files: what the operating system answers, and contents that are not as they should be.

use std::{io, path::Path};

use crate::error::Error;

/// Makes an operating system's answer an error.
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

/// The error for contents that are not as they should be.
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
