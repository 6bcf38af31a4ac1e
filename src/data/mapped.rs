//! Files that are mapped into memory: the system reads a page when it is accessed, and drops it when memory is short.

#![allow(
    unsafe_code,
    reason = "a file's map is safe only while nothing writes the file"
)]

use std::{
    fmt,
    fs::{File, TryLockError},
    marker::PhantomData,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytemuck::AnyBitPattern;
#[cfg(unix)]
use memmap2::Advice;
use memmap2::Mmap;

use super::{
    io_error::{bad, refused},
    source,
};
use crate::error::Result;

/// Gaps up to this size are read with the values around them: the disk takes no longer.
const GAP_BYTES: usize = 1 << 16;

/// A file that is mapped, read-only.
pub(super) struct MappedFile {
    map: Mmap,
    pub(super) path: PathBuf,
    /// Has the shared lock, until it is closed.
    _file: File,
}

impl MappedFile {
    /// Maps the file at `path`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when it cannot be read; [`Error::DataFile`](crate::Error::DataFile) when it is
    /// not a file, or while another process has it locked to write it.
    pub(super) fn open(path: &Path) -> Result<Arc<Self>> {
        let (file, _) = source::open(path)?;
        // A file system without locks is no reason not to read.
        if let Err(TryLockError::WouldBlock) = file.try_lock_shared() {
            let (expected, found) = (
                "a file that nothing writes",
                "one that is locked by its writer",
            );
            return Err(bad(path, None, expected, found, "wait until it is written"));
        }
        // SAFETY: nothing in this process writes to the map, which is read-only, or to the file: this crate replaces files
        // by others and never writes them in place. Another process that does so is kept out by the lock if it asks for
        // it. If it does not, then the values that are read are others, which the documentation of `map_safetensors`
        // excludes: any bytes are values of the types that are read, `u8` and `f32`, and every index or length that is
        // computed from a value is checked where it is used, so no access leaves a buffer. Beyond the end of a truncated
        // file the system ends the process.
        let map = unsafe { Mmap::map(&file) };
        let remedy =
            "use a file on a local disk, or read it into memory with `from_idx` or `from_records`";
        let map = map.map_err(refused(path, "map", remedy))?;
        Ok(Arc::new(MappedFile {
            map,
            path: path.to_owned(),
            _file: file,
        }))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }
}

/// Values in a mapped file.
pub(super) struct Mapped<V> {
    file: Arc<MappedFile>,
    /// In bytes.
    place: Range<usize>,
    kind: PhantomData<fn() -> V>,
}

impl<V: AnyBitPattern> Mapped<V> {
    /// The values in the bytes `place`.
    ///
    /// # Errors
    /// [`Error::DataFile`](crate::Error::DataFile) where these are not in the file, or not aligned as values in memory.
    pub(super) fn new(file: &Arc<MappedFile>, place: Range<usize>) -> Result<Self> {
        let bytes = file.bytes().get(place.clone());
        if bytes.is_none_or(|bytes| bytemuck::try_cast_slice::<u8, V>(bytes).is_err()) {
            let expected = format!("values from a multiple of {} bytes on", align_of::<V>());
            let found = format!("{} bytes from {} on", place.len(), place.start);
            let remedy =
                "write it with `Dataset::write_safetensors`, or add spaces to the header's end";
            let at = Some(place.start as u64);
            return Err(bad(&file.path, at, expected, found, remedy));
        }
        Ok(Mapped {
            file: Arc::clone(file),
            place,
            kind: PhantomData,
        })
    }

    pub(super) fn values(&self) -> &[V] {
        // It does not fail: `new` has done the same.
        bytemuck::try_cast_slice(&self.file.bytes()[self.place.clone()]).unwrap_or_default()
    }

    /// Asks the system to read these rows, of `width` values each. It returns when the disk has these requests, not yet
    /// their results.
    pub(super) fn will_need(&self, width: usize, mut order: Vec<u32>) {
        let width = width * size_of::<V>();
        order.sort_unstable();
        let rows = order.iter().map(|&row| {
            let start = self.place.start + row as usize * width;
            start..start + width
        });
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for row in rows {
            match ranges.last_mut() {
                Some(last) if row.start <= last.end + GAP_BYTES => last.end = row.end,
                _ => ranges.push(row),
            }
        }
        // What the system does not take is read when it is accessed.
        #[cfg(unix)]
        for Range { start, end } in ranges {
            let _ = (self.file.map).advise_range(Advice::WillNeed, start, end - start);
        }
        #[cfg(not(unix))]
        drop(ranges);
    }

    /// Whether the system, where it reads a page that is accessed, leaves out those around it.
    pub(super) fn reads_single_pages(&self, alone: bool) {
        #[cfg(unix)]
        let _ = self.file.map.advise(if alone {
            Advice::Random
        } else {
            Advice::Normal
        });
        #[cfg(not(unix))]
        let _ = alone;
    }
}

impl<V> Clone for Mapped<V> {
    fn clone(&self) -> Self {
        Mapped {
            file: Arc::clone(&self.file),
            place: self.place.clone(),
            kind: PhantomData,
        }
    }
}

impl<V> fmt::Debug for Mapped<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Range { start, end } = self.place;
        write!(f, "bytes {start} to {end} of {}", self.file.path.display())
    }
}
