//! Files are written beside the file that they replace and renamed into place, so a failure leaves an earlier one
//! whole. What the earlier file was stays: its mode, owner and links.
//!
//! | `path` is | what is written, as `open(path, "wb")` has it |
//! | --- | --- |
//! | missing | a new file; its mode is that of the umask and the folder |
//! | a file | another one in its place, with its mode, access control list and, where the system allows it, owner |
//! | a symbolic link | what it points to, be it missing; the link stays |
//! | a file that may not be written | nothing: the system's refusal is the error |
//! | a pipe, a terminal, `/dev/stdout` | the bytes, in place |
//!
//! A second hard link keeps the earlier contents, as the earlier file is never written to.

#[cfg(unix)]
mod nature;
mod unsupported;

use std::{
    fs::{self, File, Metadata},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

pub(crate) use unsupported::supported;

const PREFIX: &str = ".tuplenet-";
const SUFFIX: &str = ".part";
/// As many symbolic links as Linux follows.
const MAX_LINKS: usize = 40;

/// A file that is being written, and has no name of its own yet; it is removed when dropped.
#[derive(Debug)]
pub(crate) struct Part {
    file: NamedTempFile,
    /// The name that it will have: no symbolic link.
    path: PathBuf,
    /// What it replaces.
    earlier: Option<Metadata>,
}

impl Part {
    /// A file that will be called `path`, or what `path` points to.
    ///
    /// # Errors
    /// The system's, when the folder takes no file or an earlier file may not be written.
    pub(crate) fn new(path: &Path) -> io::Result<Self> {
        let path = target(path)?;
        let earlier = match File::options().write(true).open(&path) {
            Ok(file) => Some(file.metadata()?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut part = tempfile::Builder::new();
        part.prefix(PREFIX).suffix(SUFFIX);
        // While it replaces a file it is its owner's alone: what may read it is settled when it is whole.
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

    /// Waits until the file is on the disk, and gives it its name: at any moment, and after a loss of power, there is
    /// the earlier file or this one. Returns what the file system did not do for it, in words.
    ///
    /// # Errors
    /// The system's; the earlier file is whole.
    pub(crate) fn persist(self) -> io::Result<Vec<String>> {
        let Part {
            file,
            path,
            earlier,
        } = self;
        #[cfg(unix)]
        if let Some(earlier) = &earlier {
            nature::keep(file.as_file(), &path, earlier)?;
        }
        #[cfg(not(unix))]
        drop(earlier);
        let folder = folder_of(&path);
        let unsynced = |what, why: &io::Error| {
            format!(
                "{}: the file system does not sync {what} ({why}): after a loss of power the newest file may be missing or empty",
                folder.display()
            )
        };
        let mut warnings = Vec::new();
        if let Some(why) = supported(file.as_file().sync_all())? {
            warnings.push(unsynced("files", &why));
        }
        file.persist(&path)?;
        // A rename is on the disk when its folder is; elsewhere than on Unix a folder is no file to open.
        #[cfg(unix)]
        match File::open(folder) {
            Ok(opened) => {
                if let Some(why) = supported(opened.sync_all())? {
                    warnings.push(unsynced("folders", &why));
                }
            }
            // A folder may take files and not be read.
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

/// Writes `bytes` to `path`, as [`Part`] does, or in place where `path` is no file. Returns what the file system did
/// not do for it, in words.
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

/// Removes what programs that were killed have left of [`Part`]s in `folder`. Returns those that stay, in words.
pub(crate) fn remove_left_parts(folder: &Path) -> io::Result<Vec<String>> {
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

/// Removes a file that is of no use any more. Returns why it stays, in words, if it does.
pub(crate) fn remove(path: &Path) -> Option<String> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => Some(format!(
            "{}: cannot delete: {why}; delete it by hand",
            path.display()
        )),
        _ => None,
    }
}

/// Whether `path` is something else than a file, or a file that the system names by who has it open: a new file in its
/// place would not reach them.
fn is_written_in_place(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|kind| {
        let is_open_file = links(path).any(|link| link.starts_with("/proc"));
        !kind.is_dir() && (!kind.is_file() || is_open_file)
    })
}

/// What `path` is in the end, links followed; it need not exist.
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

/// `path`, and what each symbolic link points to.
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
