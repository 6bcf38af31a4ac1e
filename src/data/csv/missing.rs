//! [`Missing`]: the rule for missing values.

/// What follows from a missing value, a cell that is empty, `?`, `NA`, `N/A`, `NaN` or `null` (in upper or lower case),
/// where the record has a number or, unless it is one of its names, a category.
///
/// An `Option` is `None` whatever the rule. Text (`String`) is what is in the cell, so that a country `NA` stays one.
///
/// ```
/// use tuplenet::data::{Csv, Missing};
///
/// let rows = |missing| Csv::new("t.csv").missing(missing).records_from::<(f32, f32)>("a,b\n1,?\n2,3\n".as_bytes());
/// let mut skipping = rows(Missing::SkipRow)?;
/// assert_eq!(skipping.next().unwrap()?, (2.0, 3.0));
/// assert_eq!(skipping.skipped(), 1);
///
/// assert_eq!(rows(Missing::Value(-1.0))?.next().unwrap()?, (1.0, -1.0));
/// assert!(rows(Missing::Error)?.next().unwrap().is_err());
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Missing {
    /// The record is an error, the default.
    #[default]
    Error,
    /// The record is skipped; [`Records::skipped`](super::Records::skipped) counts these.
    SkipRow,
    /// The number is this one. A missing category is an error.
    Value(f64),
}

/// Whether a cell with this text, without spaces around it, has no value.
pub(super) fn is_missing(text: &str) -> bool {
    const MARKERS: [&str; 6] = ["", "?", "NA", "N/A", "NaN", "null"];
    MARKERS
        .iter()
        .any(|marker| marker.eq_ignore_ascii_case(text))
}
