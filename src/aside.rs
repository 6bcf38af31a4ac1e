//! Files are written aside and renamed into place, so a failure leaves an earlier one whole.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use tempfile::NamedTempFile;

const PREFIX: &str = ".tuplenet-";
const SUFFIX: &str = ".part";

/// A file in `folder` without a name of its own yet, removed when dropped; its mode is as for any
/// new file.
pub(crate) fn new_part(folder: &Path) -> io::Result<NamedTempFile> {
    let mut part = tempfile::Builder::new();
    part.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    part.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    part.tempfile_in(folder)
}

/// Writes `bytes` aside, waits until they are on the disk, and renames the file to `path`: at any moment,
/// and after a loss of power, there is the old file or the new one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut part = new_part(folder)?;
    part.write_all(bytes)?;
    part.as_file().sync_all()?;
    part.persist(path)?;
    // A rename is on the disk when its folder is; elsewhere than on Unix a folder is no file to open.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Removes what programs that were killed have left of [`new_part`] in `folder`.
pub(crate) fn remove_left_parts(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
