//! [`Table`]: an open file, its header and its current record.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
    str,
};

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::{
    fault::{Fault, listed, shown, shown_bytes},
    format::Format,
    lines::{LAST_RECORD, Lines, Refusal},
};
use crate::{
    data::{io_error::refused, source::is_corrupt},
    error::{Error, Result},
};

const CHECK: &str = "check the delimiter, and the quotes in this line";

/// An open table.
pub(super) struct Table {
    path: PathBuf,
    reader: Reader<Lines>,
    pub(super) record: ByteRecord,
    /// The names of the columns, if there is a header.
    pub(super) names: Option<Vec<String>>,
    /// The number of columns, once it is known.
    columns: Option<usize>,
    /// Whether a record was read.
    has_records: bool,
    /// Whether there are no more records, or no more can be read.
    is_over: bool,
}

impl Table {
    /// Opens the table and reads its header.
    pub(super) fn open(
        path: &Path,
        format: &Format,
        source: impl Read + Send + 'static,
    ) -> Result<Self> {
        format.check()?;
        let lines = Lines::new(source, format.max_record_bytes);
        let mut lines = lines.map_err(|why| unreadable(path, 1, why))?;
        let skipped = lines.skip(format.skip_lines);
        skipped.map_err(|why| unreadable(path, lines.record_line(), why))?;
        let mut builder = ReaderBuilder::new();
        builder
            .has_headers(false)
            .flexible(true)
            .delimiter(format.delimiter);
        match format.quote {
            Some(quote) => builder.quote(quote),
            None => builder.quoting(false),
        };
        let mut table = Table {
            path: path.to_owned(),
            reader: builder.from_reader(lines),
            record: ByteRecord::new(),
            names: None,
            columns: None,
            has_records: false,
            is_over: false,
        };
        if format.has_header {
            table.read_header()?;
        }
        Ok(table)
    }

    fn read_header(&mut self) -> Result<()> {
        if !self.read()? {
            return Err(self.is_empty("a header"));
        }
        let mut names = Vec::with_capacity(self.record.len());
        for (column, name) in self.record.iter().enumerate() {
            let Ok(text) = str::from_utf8(name) else {
                let (found, remedy) = (shown_bytes(name), "save the table as UTF-8");
                let fault = Fault::new("a name in UTF-8", found, remedy);
                return Err(self.error(fault.at(column)));
            };
            names.push(text.trim().to_owned());
        }
        self.names = Some(names);
        Ok(())
    }

    /// Reads the next record, which has as many columns as those before; `false` if there is none.
    pub(super) fn next(&mut self) -> Result<bool> {
        if self.is_over {
            return Ok(false);
        }
        if !self.read()? {
            return match self.has_records {
                true => Ok(false),
                false if self.names.is_some() => Err(self.is_empty("records after the header")),
                false => Err(self.is_empty("records")),
            };
        }
        self.has_records = true;
        Ok(true)
    }

    /// Reads the next record or the header.
    fn read(&mut self) -> Result<bool> {
        self.reader.get_mut().begin_record();
        if let Err(error) = self.reader.read_byte_record(&mut self.record) {
            self.is_over = true;
            let why = match error.into_kind() {
                ErrorKind::Io(why) => why,
                other => io::Error::other(format!("{other:?}")),
            };
            return Err(unreadable(&self.path, self.line(), why));
        }
        if self.reader.get_ref().is_over() {
            self.is_over = true;
            if self.record.is_empty() || self.record == [LAST_RECORD][..] {
                return Ok(false);
            }
            let (expected, found) = ("a closing quote", "the end of the file");
            return Err(self.error(Fault::new(expected, found, CHECK)));
        }
        let found = self.record.len();
        let expected = *self.columns.get_or_insert(found);
        if found != expected {
            let before = if self.names.is_some() {
                "in the header"
            } else {
                "in the first record"
            };
            let expected = format!("{expected} columns, as {before}");
            return Err(self.error(Fault::new(expected, found.to_string(), CHECK)));
        }
        Ok(true)
    }

    /// The places of the columns with these names.
    ///
    /// # Errors
    /// [`Error::Table`] if there is no such column, or more than one; none if the table has no header.
    pub(super) fn find(&self, names: &[&str]) -> Result<Vec<usize>> {
        let Some(header) = &self.names else {
            return Ok(Vec::new());
        };
        let place = |name: &&str| {
            let mut places = (0..header.len()).filter(|&at| header[at] == name.trim());
            let found = match (places.next(), places.count()) {
                (Some(place), 0) => return Ok(place),
                (Some(_), more) => format!("{} columns of that name", more + 1),
                (None, _) => format!("the columns {}", listed(header.iter().map(String::as_str))),
            };
            let remedy =
                "correct the name, or check the delimiter and that the first line is the header";
            Err(self.error(Fault::new(
                format!("one column {}", shown(name)),
                found,
                remedy,
            )))
        };
        names.iter().map(place).collect()
    }

    /// The error of the current record.
    pub(super) fn error(&self, fault: Fault) -> Error {
        let name = |column: usize| match self.names.as_ref().and_then(|names| names.get(column)) {
            Some(name) if !name.is_empty() => shown(name),
            _ => (column + 1).to_string(),
        };
        Error::Table {
            path: self.path.clone(),
            line: self.line(),
            column: fault.column.map(name),
            expected: fault.expected,
            found: fault.found,
            remedy: fault.remedy,
        }
    }

    fn is_empty(&self, expected: &str) -> Error {
        let remedy = "name a table that has records, or check how many lines are skipped";
        self.error(Fault::new(expected, "the end of the file", remedy))
    }

    fn line(&self) -> u64 {
        self.reader.get_ref().record_line()
    }
}

/// The error of a read within the record that begins in `line`.
fn unreadable(path: &Path, line: u64, why: io::Error) -> Error {
    let table = |expected, found, remedy| Error::Table {
        path: path.to_owned(),
        line,
        column: None,
        expected,
        found,
        remedy,
    };
    match why.downcast::<Refusal>() {
        Ok(Refusal {
            expected,
            found,
            remedy,
        }) => table(expected, found, remedy),
        Err(why) if is_corrupt(&why) => {
            let found = format!("corrupt gzip data: {why}");
            table(
                "complete gzip data".to_owned(),
                found,
                "download or compress the file again",
            )
        }
        Err(why) => refused(
            path,
            "read",
            "check that it is a file that you can read, and its disk",
        )(why),
    }
}
