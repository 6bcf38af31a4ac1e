//! [`Records`]: the records of a table as an iterator.

use std::{any::type_name, fmt};

use super::{fault::Fault, missing::Missing, row::Row, table::Table};
use crate::error::Result;

/// How a record is read from its columns.
type Read<T> = fn(&mut Row<'_>) -> std::result::Result<T, Fault>;

/// The records of a table, read from the file one by one; from [`Csv::records`](super::Csv::records).
///
/// A record that is not of its type, or has another number of columns than the others, is an
/// [`Error::Table`](crate::Error::Table), after which the iterator goes on with the next record. It ends after a quote that
/// is not closed, a record that is too long, bytes that are not text, and errors of the file itself. A table without
/// records gives an error too.
pub struct Records<T> {
    table: Table,
    missing: Missing,
    /// The places of the columns that are read, by position; `None` for all, and for structs by name.
    order: Option<Vec<usize>>,
    read: Read<T>,
    skipped: u64,
}

impl<T> Records<T> {
    pub(super) fn new(
        table: Table,
        missing: Missing,
        order: Option<Vec<usize>>,
        read: Read<T>,
    ) -> Self {
        Records {
            table,
            missing,
            order,
            read,
            skipped: 0,
        }
    }

    /// The number of records skipped so far by [`Missing::SkipRow`].
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The current record, of which all columns must have been read.
    fn parse(&self) -> std::result::Result<T, Fault> {
        let mut row = Row {
            record: &self.table.record,
            names: self.table.names.as_deref().filter(|_| self.order.is_none()),
            order: self.order.as_deref(),
            missing: self.missing,
            read: 0,
        };
        let record = (self.read)(&mut row)?;
        if row.read < row.len() {
            let (read, found) = (row.read, row.len());
            let expected = format!("{read} columns, as many as are read");
            let remedy =
                "read all columns, with `()` for those to ignore, or select some by `Csv::columns`";
            return Err(Fault::new(expected, found.to_string(), remedy));
        }
        Ok(record)
    }
}

impl<T> Iterator for Records<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            match self.table.next() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
            match self.parse() {
                Ok(record) => return Some(Ok(record)),
                Err(fault) if fault.is_skipped => self.skipped += 1,
                Err(fault) => return Some(Err(self.table.error(fault))),
            }
        }
    }
}

impl<T> fmt::Debug for Records<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records")
            .field("of", &type_name::<T>())
            .field("skipped", &self.skipped)
            .finish_non_exhaustive()
    }
}
