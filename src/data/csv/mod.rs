//! [`Csv`]: the records of a table, a file of comma-separated values.
//!
//! ```text
//! file ──► Lines ──► Table ──► Row ──► Cell ──► a record    lines.rs table.rs row.rs cell.rs
//! ```
//!
//! [`Lines`](lines::Lines) decompresses, [`Table`](table::Table) divides into records, by the crate `csv`, and
//! [`Row`](row::Row) and [`Cell`](cell::Cell) are serde's deserializers of a record and of a value. These are not those
//! of the crate `csv`, which accepts NaN and infinity as numbers, has no rule for missing values, and does not report the
//! column of every error.

mod cell;
mod fault;
mod fields;
mod format;
mod lines;
mod missing;
mod numbers;
mod records;
mod row;
mod table;

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};

use self::{format::Format, row::Row, table::Table};
pub use self::{missing::Missing, numbers::Numbers, records::Records};
use super::source;
use crate::error::{Error, Result};

/// A file of comma-separated values (RFC 4180), raw or gzip, and how it is to be read.
///
/// A record is any type that implements serde's `Deserialize`:
///
/// - a struct: each field is a column, by its name in the header (`#[serde(rename = "sepal length")]` for a name that is
///   no identifier). Every field must be in the header, also those of type `Option`, which serde would otherwise fill with
///   `None` where a name is misspelled; so `#[serde(alias)]` and `#[serde(default)]` have no effect. Other columns are
///   ignored.
/// - a tuple or an array, also nested: the columns in their order, all of them; `()` ignores one. Serde's arrays end at 32;
///   [`Numbers`] has any length.
/// - one value, for a file of one column.
///
/// An enum of unit variants is a category. [`Csv::columns`] and [`Csv::columns_and_target`] select numbers by the names of
/// their columns, without a struct.
///
/// ```
/// use serde::Deserialize;
/// use tuplenet::{data::Csv, prelude::*, shape::Features, target::Classes};
///
/// #[derive(Deserialize)]
/// struct Person { age: f32, sex: Sex, bmi: Option<f32>, smokes: bool }
///
/// #[derive(Clone, Copy, Deserialize)]
/// #[serde(rename_all = "lowercase")]
/// enum Sex { Female, Male }
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("people.csv");
/// std::fs::write(&path, "age,sex,bmi,smokes\n59,female,32.1,false\n48,male,NA,true\n")?;
/// let people = Csv::new(&path).records::<Person>()?;
/// let features = |it: &Person| [it.age, f32::from(it.sex as u8), it.bmi.unwrap_or(25.0)];
/// let data = Dataset::<Features<3>, Classes<2>>::try_from_records(people, |it| (features(&it), it.smokes.into()))?;
/// assert_eq!((data.sample(1), data.label(1)), (Some([48.0, 1.0, 25.0]), Some(1)));
///
/// // A table without a header, by position.
/// # let path = folder.path().join("iris.csv");
/// std::fs::write(&path, "150;4;setosa\n5.1;3.5;1.4;0.2;0\n")?;
/// let mut flowers = Csv::new(&path).header(false).delimiter(b';').skip_lines(1).records::<([f32; 4], usize)>()?;
/// assert_eq!(flowers.next().unwrap()?, ([5.1, 3.5, 1.4, 0.2], 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Spaces around numbers, categories and the names of columns do not count; text (`String`) is as in the file. Numbers are
/// as Rust writes them, `1`, `-0.5` or `1e-3`; they must be finite and in the range of their type. `bool` is `true` or
/// `false`, in upper or lower case, `1` or `0`. A cell is missing if it is empty, `?`, `NA`, `N/A`, `NaN` or `null`, in
/// upper or lower case; [`Csv::missing`] says what follows. Text is UTF-8; a byte order mark is skipped. Lines end in
/// `\n`, `\r\n` or `\r`; empty ones are skipped.
///
/// The file is never in memory as a whole, only one record of it, of at most [`Csv::max_record_bytes`].
#[derive(Clone, Debug)]
pub struct Csv {
    path: PathBuf,
    format: Format,
    missing: Missing,
}

impl Csv {
    /// The maximum size of a record if none is set: 1 MiB.
    pub const MAX_RECORD_BYTES: usize = 1 << 20;

    /// The table at `path`, with a header, a comma between columns and `"` as quote. Nothing is opened yet.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Csv {
            path: path.as_ref().to_owned(),
            format: Format {
                has_header: true,
                delimiter: b',',
                quote: Some(b'"'),
                skip_lines: 0,
                max_record_bytes: Self::MAX_RECORD_BYTES,
            },
            missing: Missing::Error,
        }
    }

    /// Whether the first record has the names of the columns, by default `true`.
    #[must_use]
    pub fn header(mut self, has_header: bool) -> Self {
        self.format.has_header = has_header;
        self
    }

    /// The byte between two columns, as in `b';'`, `b'\t'` or `b' '`: ASCII, and no letter, digit or line ending.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.format.delimiter = delimiter;
        self
    }

    /// The byte around a value that contains delimiters or line endings, where it is doubled to stand for itself; `None`
    /// for a file without quotes.
    #[must_use]
    pub fn quote(mut self, quote: impl Into<Option<u8>>) -> Self {
        self.format.quote = quote.into();
        self
    }

    /// The number of lines, such as comments, before the header (or, without one, before the first record).
    #[must_use]
    pub fn skip_lines(mut self, lines: u64) -> Self {
        self.format.skip_lines = lines;
        self
    }

    /// What follows from a missing number; see [`Missing`].
    #[must_use]
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// The maximum size of a record, with its quotes and line ending, in bytes; by default 1 MiB. This bounds the memory
    /// that any file can take.
    #[must_use]
    pub fn max_record_bytes(mut self, bytes: usize) -> Self {
        self.format.max_record_bytes = bytes;
        self
    }

    /// The records, read one by one from the file.
    ///
    /// # Errors
    /// [`Error::Setting`] for a delimiter or quote that cannot be one; [`Error::Io`] when the file cannot be read;
    /// [`Error::DataFile`] when it is not a file; [`Error::Table`] when it is empty or not UTF-8, and when a field of `T` is
    /// not in the header. The iterator gives the errors of the records.
    pub fn records<T: DeserializeOwned>(&self) -> Result<Records<T>> {
        let (file, _) = source::open(&self.path)?;
        self.records_from(file)
    }

    /// As [`Csv::records`], from `source` instead of the file; errors have the path nonetheless.
    ///
    /// ```
    /// use tuplenet::data::Csv;
    ///
    /// let text = "x,y\n1,2\n3,four\n".as_bytes();
    /// let mut points = Csv::new("points.csv").records_from::<(f32, f32)>(text)?;
    /// assert_eq!(points.next().unwrap()?, (1.0, 2.0));
    /// let error = points.next().unwrap().unwrap_err().to_string();
    /// assert!(error.starts_with("points.csv: line 3, column `y`: expected a number, found `four`; "));
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Csv::records`].
    pub fn records_from<T: DeserializeOwned>(
        &self,
        source: impl Read + Send + 'static,
    ) -> Result<Records<T>> {
        let table = Table::open(&self.path, &self.format, source)?;
        if let Some(names) = fields::of::<T>() {
            table.find(names)?;
        }
        let read = |row: &mut Row<'_>| T::deserialize(row);
        Ok(Records::new(table, self.missing, None, read))
    }

    /// The numbers of the columns with these names, in this order. As many names as there are numbers in the array, or the
    /// program does not compile.
    ///
    /// ```
    /// use tuplenet::{data::Csv, prelude::*, shape::Features, target::Values};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("houses.csv");
    /// std::fs::write(&path, "street,rooms,price,area\n\"Main St, 1\",3,1.5,80\n")?;
    /// let rows = Csv::new(&path).columns(["area", "rooms", "price"])?;
    /// let data = Dataset::<Features<2>, Values<1>>::try_from_records(rows, |[area, rooms, price]| ([area, rooms], [price]))?;
    /// assert_eq!(data.sample(0), Some([80.0, 3.0]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Csv::records`]; [`Error::Table`], with the header, when a name is not in it; [`Error::Setting`] for a table
    /// without a header.
    pub fn columns<const N: usize>(&self, names: [&str; N]) -> Result<Records<[f32; N]>> {
        let (table, order) = self.select(&names)?;
        let read = |row: &mut Row<'_>| Numbers::deserialize(row).map(|Numbers(numbers)| numbers);
        Ok(Records::new(table, self.missing, Some(order), read))
    }

    /// As [`Csv::columns`], with the value of one more column: a class, a category, text or a number.
    ///
    /// ```
    /// use tuplenet::{data::Csv, prelude::*, shape::Features, target::Classes};
    ///
    /// #[derive(serde::Deserialize)]
    /// #[serde(rename_all = "lowercase")]
    /// enum Species { Setosa, Versicolor, Virginica }
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("iris.csv");
    /// std::fs::write(&path, "id,petal length,petal width,species\n1,1.4,0.2,setosa\n2,5.1,1.9,virginica\n")?;
    /// let rows = Csv::new(&path).columns_and_target::<Species, _>(["petal length", "petal width"], "species")?;
    /// let data = Dataset::<Features<2>, Classes<3>>::try_from_records(rows, |(petal, species)| (petal, species as usize))?;
    /// assert_eq!((data.sample(1), data.label(1)), (Some([5.1, 1.9]), Some(2)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Csv::columns`].
    pub fn columns_and_target<T: DeserializeOwned, const N: usize>(
        &self,
        names: [&str; N],
        target: &str,
    ) -> Result<Records<([f32; N], T)>> {
        let (table, order) = self.select(&[&names[..], &[target]].concat())?;
        let read = |row: &mut Row<'_>| {
            <(Numbers<N>, T)>::deserialize(row).map(|(Numbers(numbers), target)| (numbers, target))
        };
        Ok(Records::new(table, self.missing, Some(order), read))
    }

    /// The opened table and the places of the columns with these names.
    fn select(&self, names: &[&str]) -> Result<(Table, Vec<usize>)> {
        if !self.format.has_header {
            return Err(Error::Setting {
                setting: "columns of a table without a header",
                expected: "`Csv::header(true)`, or `Csv::records` of a tuple or of `Numbers`"
                    .to_owned(),
                found: "names of columns".to_owned(),
            });
        }
        let (file, _) = source::open(&self.path)?;
        let table = Table::open(&self.path, &self.format, file)?;
        let order = table.find(names)?;
        Ok((table, order))
    }
}
