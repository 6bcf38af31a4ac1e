//! What the operating system answers when a data file is read or written, as an error.

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
