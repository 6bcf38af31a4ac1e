//! Parses idx files, the format of MNIST and of data sets modelled on it.
//!
//! | bytes | |
//! | --- | --- |
//! | 0, 1 | zeros |
//! | 2 | the dtype of the values: 8 u8, 9 i8, 11 i16, 12 i32, 13 f32, 14 f64 |
//! | 3 | the number of dimensions, here 1 to 4 |
//! | 4 each | the dimensions, u32, outermost first |
//! | the rest | the values, row-major, without padding or trailing bytes |
//!
//! All numbers are big-endian. Source: <http://yann.lecun.com/exdb/mnist/>. A gzip file is recognised by its first
//! bytes and decompressed.
//!
//! The header is checked before any value is read, so memory is bounded by the expected shape and by the size of the
//! file, not by what its header claims.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use super::{
    io_error::{bad, refused},
    source::{self, GZIP, is_corrupt},
};
use crate::error::{Error, Result};

/// The largest compression ratio of DEFLATE.
const MAX_RATIO: u64 = 1032;
/// The maximum size of the values of a file, in bytes.
const MAX_BYTES: u64 = 1 << 34;
/// The remedy for a damaged file.
const GET_AGAIN: &str =
    "download the file again from the publisher of the data set, or write it again";

/// The dtype of a file's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    U8,
    I8,
    I16,
    I32,
    F32,
    F64,
}

impl Kind {
    fn of(code: u8) -> Option<Self> {
        Some(match code {
            0x08 => Kind::U8,
            0x09 => Kind::I8,
            0x0b => Kind::I16,
            0x0c => Kind::I32,
            0x0d => Kind::F32,
            0x0e => Kind::F64,
            _ => return None,
        })
    }

    /// The size of a value, in bytes.
    pub(super) fn size(self) -> usize {
        match self {
            Kind::U8 | Kind::I8 => 1,
            Kind::I16 => 2,
            Kind::I32 | Kind::F32 => 4,
            Kind::F64 => 8,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::U8 => "u8",
            Kind::I8 => "i8",
            Kind::I16 => "i16",
            Kind::I32 => "i32",
            Kind::F32 => "f32",
            Kind::F64 => "f64",
        }
    }
}

/// The header of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The bytes of the header; the first four are the magic number.
    pub(super) bytes: Vec<u8>,
    pub(super) kind: Kind,
    /// 1 to 4 dimensions, outermost first; dimension `d` is at offset `4 + 4 d`.
    pub(super) dimensions: Vec<u32>,
}

impl Header {
    /// The magic number: dtype and number of dimensions.
    pub(super) fn magic(&self) -> u32 {
        let first = self.bytes.first_chunk().copied().unwrap_or_default();
        u32::from_be_bytes(first)
    }

    /// As in `60000 x 28 x 28`.
    pub(super) fn shape(&self) -> String {
        let dimensions = self.dimensions.iter().map(u32::to_string);
        dimensions.collect::<Vec<_>>().join(" x ")
    }

    pub(super) fn value_bytes(&self) -> u128 {
        let dimensions = self.dimensions.iter().map(|&it| u128::from(it));
        // Saturates, because four factors below 2^32 and a size of 8 can exceed 2^128.
        dimensions.fold(self.kind.size() as u128, u128::saturating_mul)
    }

    /// Parses the header.
    pub(super) fn read(path: &Path, source: &mut impl Read) -> Result<Self> {
        let mut bytes = Vec::new();
        take(path, source, 4, 0, &mut bytes)?;
        let Some(&[zero, also_zero, code, count]) = bytes.first_chunk() else {
            return Err(short(path, 4, bytes.len()));
        };
        let first = u32::from_be_bytes([zero, also_zero, code, count]);
        if (zero, also_zero) != (0, 0) {
            let (expected, remedy) = if (code, count) == (0, 0) && Kind::of(also_zero).is_some() {
                (
                    "big-endian numbers",
                    "write it again in big-endian byte order",
                )
            } else {
                (
                    "an idx file, which begins with two zeros",
                    "name an idx file, raw or gzip",
                )
            };
            return Err(bad(
                path,
                Some(0),
                expected,
                format!("{first:#010x}"),
                remedy,
            ));
        }
        let Some(kind) = Kind::of(code) else {
            let expected =
                "a dtype, 0x08 (u8), 0x09 (i8), 0x0b (i16), 0x0c (i32), 0x0d (f32) or 0x0e (f64)";
            return Err(bad(
                path,
                Some(2),
                expected,
                format!("{code:#04x}"),
                GET_AGAIN,
            ));
        };
        if !(1..=4).contains(&count) {
            let found = format!("{count} dimensions");
            return Err(bad(path, Some(3), "1 to 4 dimensions", found, GET_AGAIN));
        }
        let length = 4 + 4 * usize::from(count);
        take(path, source, length - 4, 4, &mut bytes)?;
        if bytes.len() < length {
            return Err(short(path, length, bytes.len()));
        }
        let (numbers, _) = bytes[4..].as_chunks();
        let dimensions = numbers.iter().map(|&number| u32::from_be_bytes(number));
        Ok(Header {
            kind,
            dimensions: dimensions.collect(),
            bytes,
        })
    }
}

/// A file's header and the bytes of its values.
#[derive(Debug)]
pub(super) struct Idx {
    pub(super) header: Header,
    pub(super) values: Vec<u8>,
}

impl Idx {
    /// Reads the file at `path`, if `check` accepts its header.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read; [`Error::DataFile`] when it is not a file or is malformed.
    pub(super) fn open(path: &Path, check: impl FnOnce(&Header) -> Result<()>) -> Result<Self> {
        let (file, packed) = source::open(path)?;
        Self::read(path, BufReader::new(file), packed, check)
    }

    /// As [`Idx::open`], from `source`, of `packed` bytes before decompression; errors name it `path`.
    pub(super) fn read(
        path: &Path,
        mut source: impl BufRead,
        packed: u64,
        check: impl FnOnce(&Header) -> Result<()>,
    ) -> Result<Self> {
        let first = source.fill_buf();
        let first = first.map_err(refused(path, "read", "check its disk for errors"))?;
        if first.starts_with(&GZIP) {
            let room = packed.saturating_mul(MAX_RATIO);
            return Self::unpacked(path, MultiGzDecoder::new(source), room, check);
        }
        Self::unpacked(path, source, packed, check)
    }

    /// Parses decompressed bytes; `room` is an upper bound on their number.
    fn unpacked(
        path: &Path,
        mut source: impl Read,
        room: u64,
        check: impl FnOnce(&Header) -> Result<()>,
    ) -> Result<Self> {
        let header = Header::read(path, &mut source)?;
        check(&header)?;
        let (length, before) = (header.value_bytes(), header.bytes.len());
        let Some(length) = usize::try_from(length)
            .ok()
            .filter(|&length| length as u64 <= MAX_BYTES && length < isize::MAX as usize)
        else {
            let found = format!("{} {}: {length} bytes", header.shape(), header.kind.name());
            let expected = format!("at most {MAX_BYTES} bytes of values");
            return Err(bad(
                path,
                Some(4),
                expected,
                found,
                "split the data set into several files",
            ));
        };
        let mut values = Vec::with_capacity((length as u64).min(room) as usize);
        take(path, &mut source, length, before, &mut values)?;
        let is_cut = values.len() < length;
        // Tries to read one more byte; this also verifies the checksum at the end of a gzip file.
        take(path, &mut source, 1, before + length, &mut values)?;
        if values.len() != length {
            let expected = format!(
                "{} bytes in all, {} values of type {}",
                before + length,
                header.shape(),
                header.kind.name()
            );
            let (at, found) = if is_cut {
                let end = before + values.len();
                (end, format!("the end of the file after {end} bytes"))
            } else {
                (before + length, "more bytes".to_owned())
            };
            return Err(bad(path, Some(at as u64), expected, found, GET_AGAIN));
        }
        Ok(Idx { header, values })
    }
}

/// Appends up to `count` bytes of `source`, which start at offset `at` of the file, to `bytes`.
fn take(
    path: &Path,
    source: &mut impl Read,
    count: usize,
    at: usize,
    bytes: &mut Vec<u8>,
) -> Result<()> {
    let before = bytes.len();
    let result = source.take(count as u64).read_to_end(bytes);
    result.map(|_| ()).map_err(|why| {
        if !is_corrupt(&why) {
            return refused(
                path,
                "read",
                "check its disk for errors, and that its values fit in memory",
            )(why);
        }
        let (at, found) = (
            at + bytes.len() - before,
            format!("corrupt gzip data: {why}"),
        );
        bad(
            path,
            Some(at as u64),
            "complete gzip data",
            found,
            GET_AGAIN,
        )
    })
}

fn short(path: &Path, length: usize, found: usize) -> Error {
    let expected = format!("a header of {length} bytes");
    let found = format!("{found} bytes in all");
    bad(path, None, expected, found, GET_AGAIN)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// A source that the system fails to read.
    struct Failing;

    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(5))
        }
    }

    #[test]
    fn a_read_error_of_the_system_is_not_taken_for_corrupt_data() {
        let source = (&[0, 0, 8, 1, 0, 0, 0, 3][..]).chain(Failing);
        let read = Idx::unpacked(Path::new("labels"), source, 3, |_| Ok(()));
        let error = read.map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Io { .. }), "{error}");
    }
}
