//! Opens data files, and tells gzip files and their faults from others.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use super::io_error::{bad, refused};
use crate::error::Result;

/// The first bytes of a gzip file.
pub(super) const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The file at `path` and its size in bytes.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) when it cannot be opened; [`Error::DataFile`](crate::Error::DataFile) when it is not a
/// file.
pub(super) fn open(path: &Path) -> Result<(File, u64)> {
    let unreadable = refused(path, "read", "check that it is a file that you can read");
    let kind = match fs::metadata(path) {
        Ok(kind) => kind,
        Err(source) => return Err(unreadable(source)),
    };
    if !kind.is_file() {
        let found = if kind.is_dir() {
            "a folder"
        } else {
            "a device"
        };
        return Err(bad(path, None, "a file", found, "name the file itself"));
    }
    Ok((File::open(path).map_err(unreadable)?, kind.len()))
}

/// Whether a read failed because of corrupt gzip data, and not in the operating system.
pub(super) fn is_corrupt(why: &io::Error) -> bool {
    why.raw_os_error().is_none() && why.kind() != io::ErrorKind::OutOfMemory
}
