//! Atomic writes: a temporary file in the same folder is renamed over its target, so a failure leaves an existing
//! file intact. Mode, owner and links of the existing file are preserved.
//!
//! | `path` is | what is written, as by `open(path, "wb")` |
//! | --- | --- |
//! | missing | a new file, whose mode follows the umask and the folder |
//! | a file | a replacement with its mode, access control list and, where the system allows it, owner |
//! | a symbolic link | its target, even if that is missing; the link stays |
//! | a read-only file | nothing: the system's error is returned |
//! | a pipe, a terminal, `/dev/stdout` | the bytes, in place |
//!
//! A second hard link keeps the old contents, because the existing file is never written to.

#[cfg(unix)]
mod metadata;
mod unsupported;

use std::{
    fs::{self, File, Metadata},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

pub(crate) use unsupported::supported;

const PREFIX: &str = ".tuplenet-";
const SUFFIX: &str = ".part";
/// The number of symbolic links that Linux follows.
const MAX_LINKS: usize = 40;

/// A temporary file that is being written; it is removed when dropped.
#[derive(Debug)]
pub(crate) struct Part {
    file: NamedTempFile,
    /// Its final path, which is not a symbolic link.
    path: PathBuf,
    /// The metadata of the file that it replaces.
    earlier: Option<Metadata>,
}

impl Part {
    /// A temporary file for `path`, or for what `path` points to.
    ///
    /// # Errors
    /// The system's, when the folder or an existing file is not writable.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let path = target(path)?;
        let earlier = match File::options().write(true).open(&path) {
            Ok(file) => Some(file.metadata()?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut part = tempfile::Builder::new();
        part.prefix(PREFIX).suffix(SUFFIX);
        // A replacement is private to its owner until it is complete; then it gets the mode of the existing file.
        #[cfg(unix)]
        if earlier.is_none() {
            part.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        }
        Ok(Part {
            file: part.tempfile_in(folder_of(&path))?,
            path,
            earlier,
        })
    }

    /// Syncs the file and renames it into place: at any moment, and after a loss of power, `path` is the old file or
    /// this one. Returns warnings about what the file system does not support.
    ///
    /// # Errors
    /// The system's; the existing file is then unchanged.
    pub(crate) fn persist(self) -> io::Result<Vec<String>> {
        let Part {
            file,
            path,
            earlier,
        } = self;
        #[cfg(unix)]
        if let Some(earlier) = &earlier {
            metadata::preserve(file.as_file(), &path, earlier)?;
        }
        #[cfg(not(unix))]
        let _ = earlier;
        let folder = folder_of(&path);
        let unsynced = |what, why: &io::Error| {
            format!(
                "{}: the file system does not sync {what} ({why}): after a loss of power the newest file may \
                be missing or empty",
                folder.display()
            )
        };
        let mut warnings = Vec::new();
        if let Some(why) = supported(file.as_file().sync_all())? {
            warnings.push(unsynced("files", &why));
        }
        file.persist(&path)?;
        // A rename is durable once the folder is synced; only Unix can open a folder as a file.
        #[cfg(unix)]
        match File::open(folder) {
            Ok(opened) => {
                if let Some(why) = supported(opened.sync_all())? {
                    warnings.push(unsynced("folders", &why));
                }
            }
            // A folder may be writable but not readable.
            Err(why) => warnings.push(unsynced("a folder that cannot be opened", &why)),
        }
        Ok(warnings)
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_file_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_file_mut().flush()
    }
}

impl Seek for Part {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.as_file_mut().seek(to)
    }
}

/// Writes `bytes` to `path`, by a [`Part`], or in place where `path` is not a regular file. Returns warnings about
/// what the file system does not support.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> io::Result<Vec<String>> {
    if is_written_in_place(path) {
        let mut stream = File::options().write(true).truncate(true).open(path)?;
        stream.write_all(bytes)?;
        return Ok(Vec::new());
    }
    let mut part = Part::new(path)?;
    part.write_all(bytes)?;
    part.persist()
}

/// Removes the [`Part`]s that killed programs left in `folder`. Returns a warning for each that cannot be removed.
pub(crate) fn remove_stale_parts(folder: &Path) -> io::Result<Vec<String>> {
    let mut warnings = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(SUFFIX) {
            warnings.extend(remove(&entry.path()));
        }
    }
    Ok(warnings)
}

/// Removes a file that is no longer needed. Returns a warning if that fails.
pub(crate) fn remove(path: &Path) -> Option<String> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Some(format!(
            "{}: cannot delete: {why}; delete it by hand",
            path.display()
        )),
        _ => None,
    }
}

/// Whether `path` is not a regular file, or is a descriptor of an open file under `/proc`: a replacement would not
/// reach the process that has it open.
fn is_written_in_place(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|kind| {
        let is_open_file = links(path).any(|link| link.starts_with("/proc"));
        !kind.is_dir() && (!kind.is_file() || is_open_file)
    })
}

/// `path` with symbolic links followed; it need not exist.
fn target(path: &Path) -> io::Result<PathBuf> {
    match fs::metadata(path) {
        Ok(kind) if kind.is_file() => {}
        Ok(kind) if kind.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => return Err(io::Error::other("it is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(links(path).last().unwrap_or_else(|| path.to_owned()))
}

/// `path`, then the target of each symbolic link in turn.
fn links(path: &Path) -> impl Iterator<Item = PathBuf> {
    let next = |link: &PathBuf| Some(folder_of(link).join(fs::read_link(link).ok()?));
    std::iter::successors(Some(path.to_owned()), next).take(MAX_LINKS)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}
