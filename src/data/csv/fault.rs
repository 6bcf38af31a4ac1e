//! [`Fault`]: why a record is not of its type, before file and line are known.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

/// The longest text of a file in an error, in characters.
const LONGEST: usize = 40;
/// The longest message of a record's own type in an error, in characters.
const LONGEST_MESSAGE: usize = 200;
/// The largest number of names listed in an error.
const MOST_NAMES: usize = 20;
const CORRECT: &str =
    "correct the cell, or read the column as another type, for example as `String`";

/// Serde's error for a record.
#[derive(Debug)]
pub(super) struct Fault {
    /// The column's place in the record, from 0, if the error concerns one.
    pub(super) column: Option<usize>,
    pub(super) expected: String,
    pub(super) found: String,
    pub(super) remedy: &'static str,
    /// Whether the record is to be skipped, by [`Missing::SkipRow`](super::Missing::SkipRow).
    pub(super) is_skipped: bool,
}

impl Fault {
    pub(super) fn new(
        expected: impl Into<String>,
        found: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        Fault {
            column: None,
            expected: expected.into(),
            found: found.into(),
            remedy,
            is_skipped: false,
        }
    }

    /// A cell that is not of its type.
    pub(super) fn cell(expected: impl Into<String>, text: &str) -> Self {
        Self::new(expected, shown(text), CORRECT)
    }

    /// This error, in that column unless it is in another one.
    pub(super) fn at(mut self, column: usize) -> Self {
        self.column.get_or_insert(column);
        self
    }
}

/// Text of a file as it is shown in an error: one line, shortened.
pub(super) fn shown(text: &str) -> String {
    if text.is_empty() {
        return "an empty cell".to_owned();
    }
    format!("`{}`", in_one_line(text, LONGEST))
}

/// Bytes of a file that are not text, as they are shown in an error.
pub(super) fn shown_bytes(bytes: &[u8]) -> String {
    let escaped: String = bytes.escape_ascii().take(LONGEST).map(char::from).collect();
    format!("the bytes `{escaped}`")
}

/// Names as they are listed in an error.
pub(super) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(MOST_NAMES);
    let names: Vec<_> = names
        .take(MOST_NAMES)
        .map(|name| format!("`{}`", in_one_line(name, LONGEST)))
        .collect();
    let names = names.join(", ");
    if more == 0 {
        names
    } else {
        format!("{names} and {more} more")
    }
}

fn in_one_line(text: &str, longest: usize) -> String {
    let mut line = String::new();
    for (at, char) in text.chars().enumerate() {
        match char {
            _ if at == longest => return line + "…",
            '"' | '\'' | '\\' => line.push(char),
            _ => line.extend(char.escape_debug()),
        }
    }
    line
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<M: Display>(message: M) -> Self {
        let message = in_one_line(&message.to_string(), LONGEST_MESSAGE);
        Self::new(
            "a value that the record's type accepts",
            format!("the error {message}"),
            CORRECT,
        )
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_value(found, expected)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = in_one_line(&expected.to_string(), LONGEST_MESSAGE);
        match found {
            Unexpected::Str(text) => Self::cell(expected, text),
            other => Self::new(expected, in_one_line(&other.to_string(), LONGEST), CORRECT),
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let expected = format!("one of {}", listed(expected.iter().copied()));
        let remedy = "correct the cell, or add the category to the enum (`#[serde(rename = \"..\")]` gives a variant \
            its name in the file)";
        Self::new(expected, shown(variant), remedy)
    }
}
