//! Files are written aside and renamed into place, so a failure leaves an earlier one whole.

use std::{io, path::Path};

use tempfile::NamedTempFile;

/// A file in `folder` without a name of its own yet, removed when dropped; its mode is as for any
/// new file.
pub(crate) fn new_part(folder: &Path) -> io::Result<NamedTempFile> {
    let mut part = tempfile::Builder::new();
    part.prefix(".tuplenet-").suffix(".part");
    #[cfg(unix)]
    part.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    part.tempfile_in(folder)
}
