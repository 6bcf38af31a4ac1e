//! [`Lines`]: the bytes of a table, decompressed, without a byte order mark, at most one line per read.
//!
//! One line per read means that whoever reads records has nothing in its buffer when a record ends. So the line in which
//! a record begins is known, and a record's size is bounded, whatever its reader does with quotes.
//!
//! After the last byte comes [`END`]: a line ending, then a letter. Where a quote is open at the end of the file, they are
//! part of its value; otherwise the letter is a record of its own. The crate `csv` does not report an open quote.

use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use crate::data::source::GZIP;

/// What comes after the last byte of the file.
const END: [&[u8]; 2] = [b"\n", LAST_RECORD];
/// The record after the last one.
pub(super) const LAST_RECORD: &[u8] = b"e";
/// What the table of a text file is saved as.
const AS_UTF8: &str = "save the table as text in UTF-8";

/// The bytes of a table.
pub(super) struct Lines {
    source: Box<dyn BufRead + Send>,
    max_record_bytes: usize,
    /// The line endings read so far; `\r\n` is one.
    endings: u64,
    is_after_return: bool,
    /// The line in which the current record begins, from 1, and what has been read of it.
    record_line: u64,
    record_bytes: usize,
    /// How much of [`END`] has been read.
    ends: usize,
}

/// Why a file is no table.
#[derive(Debug, thiserror::Error)]
#[error("expected {expected}, found {found}")]
pub(super) struct Refusal {
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) remedy: &'static str,
}

impl Lines {
    /// # Errors
    /// Those of the source; a [`Refusal`] if it is UTF-16.
    pub(super) fn new(
        source: impl Read + Send + 'static,
        max_record_bytes: usize,
    ) -> io::Result<Self> {
        let (magic, source) = peek(BufReader::new(source), 2)?;
        let source = Cursor::new(magic.clone()).chain(source);
        let (mark, source) = if magic == GZIP {
            peek(BufReader::new(MultiGzDecoder::new(source)), 3)?
        } else {
            peek(source, 3)?
        };
        let source = match mark[..] {
            [first @ 0xff, second @ 0xfe, ..] | [first @ 0xfe, second @ 0xff, ..] => {
                let found = format!("UTF-16, by its first bytes {first:02x} {second:02x}");
                return Err(refuse("text in UTF-8", found, AS_UTF8));
            }
            [0xef, 0xbb, 0xbf] => source,
            _ => Box::new(Cursor::new(mark).chain(source)),
        };
        Ok(Lines {
            source,
            max_record_bytes,
            endings: 0,
            is_after_return: false,
            record_line: 1,
            record_bytes: 0,
            ends: 0,
        })
    }

    /// Skips `count` lines.
    pub(super) fn skip(&mut self, count: u64) -> io::Result<()> {
        let mut skipped = [0; 4096];
        while self.endings < count {
            let before = self.endings;
            if self.read(&mut skipped)? == 0 {
                break;
            }
            if self.endings > before {
                self.begin_record();
            }
        }
        Ok(())
    }

    /// States that the next byte is the first of a record, or of an empty line before it.
    pub(super) fn begin_record(&mut self) {
        self.record_line = self.endings + 1;
        self.record_bytes = 0;
    }

    /// The line in which the current record begins, from 1.
    pub(super) fn record_line(&self) -> u64 {
        self.record_line
    }

    /// Whether all was read, with [`LAST_RECORD`].
    pub(super) fn is_over(&self) -> bool {
        self.ends == END.len()
    }

    /// Counts the bytes of a line, or of a part of one, all of them read.
    fn count(&mut self, line: &[u8]) {
        match line.last() {
            Some(b'\r') => self.endings += 1,
            Some(b'\n') if line.len() > 1 || !self.is_after_return => self.endings += 1,
            _ => {}
        }
        self.is_after_return = line.last() == Some(&b'\r');
        if self.record_bytes == 0 && matches!(line, b"\n" | b"\r") {
            self.begin_record(); // An empty line, which is not part of a record.
        } else {
            self.record_bytes += line.len();
        }
    }
}

impl Read for Lines {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = loop {
            match self.source.fill_buf() {
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                available => break available?,
            }
        };
        if available.is_empty() {
            let Some(end) = END.get(self.ends) else {
                return Ok(0);
            };
            let len = end.len().min(buffer.len());
            buffer[..len].copy_from_slice(&end[..len]);
            self.ends += 1;
            return Ok(len);
        }
        let room = self.max_record_bytes.saturating_sub(self.record_bytes);
        if room == 0 {
            let expected = format!("a record of at most {} bytes", self.max_record_bytes);
            let remedy = "look for a quote that is not closed, or set `Csv::max_record_bytes`";
            return Err(refuse(expected, "a longer one", remedy));
        }
        let part = &available[..available.len().min(room).min(buffer.len())];
        let ending = part.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let line = &mut buffer[..ending.map_or(part.len(), |at| at + 1)];
        line.copy_from_slice(&part[..line.len()]);
        if line.contains(&0) {
            let found = "a byte 0, as in UTF-16 and in binary files";
            return Err(refuse("text in UTF-8", found, AS_UTF8));
        }
        self.source.consume(line.len());
        self.count(line);
        Ok(line.len())
    }
}

/// The first `count` bytes, or fewer if there are no more, and the rest.
fn peek(
    mut source: impl BufRead + Send + 'static,
    count: u64,
) -> io::Result<(Vec<u8>, Box<dyn BufRead + Send>)> {
    let mut first = Vec::new();
    source.by_ref().take(count).read_to_end(&mut first)?;
    Ok((first, Box::new(source)))
}

fn refuse(
    expected: impl Into<String>,
    found: impl Into<String>,
    remedy: &'static str,
) -> io::Error {
    let (expected, found) = (expected.into(), found.into());
    io::Error::new(
        ErrorKind::InvalidData,
        Refusal {
            expected,
            found,
            remedy,
        },
    )
}
