//! Properties of any file as a table, checked by the fuzz target `from_csv` and the tests in `written.rs`.

use std::io::Cursor;

use ::csv::{ByteRecord, ReaderBuilder};
use tuplenet::data::Csv;

/// The records of the bytes as a table of text, or `None` if one is an error.
///
/// # Panics
/// If acceptance or values differ from those of the crate `csv`, together with the rules that it does not have, or if an
/// error is not one line that names the file. Gzip files are not compared.
pub fn read(bytes: &[u8], has_header: bool, delimiter: u8) -> Option<Vec<Vec<String>>> {
    let table = Csv::new("table.csv")
        .header(has_header)
        .delimiter(delimiter);
    let records = table.records_from::<Vec<String>>(Cursor::new(bytes.to_vec()));
    // Each record or error takes at least a byte, but for the error of a table without records.
    let records = records.and_then(|records| records.take(bytes.len() + 2).collect());
    let read: Option<Vec<Vec<String>>> = match records {
        Ok(records) => Some(records),
        Err(error) => {
            let words = error.to_string();
            assert!(words.starts_with("table.csv: line "), "{words}");
            assert!(words.chars().all(|char| !char.is_control()), "{words:?}");
            assert!(words.len() < 2000, "{words}");
            None
        }
    };
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        assert_eq!(read, expected(bytes, has_header, delimiter));
    }
    read
}

/// The records, if the file has any and is valid.
fn expected(bytes: &[u8], has_header: bool, delimiter: u8) -> Option<Vec<Vec<String>>> {
    let is_wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if is_wide || text.contains(&0) || is_quote_open(text, delimiter) {
        return None;
    }
    let mut reader = ReaderBuilder::new();
    reader.has_headers(false).delimiter(delimiter);
    let records = reader.from_reader(text).into_byte_records();
    let records: Vec<ByteRecord> = records.collect::<Result<_, _>>().ok()?;
    let text = |record: &ByteRecord| {
        let cells = record.iter().map(|cell| String::from_utf8(cell.to_vec()));
        cells.collect::<Result<Vec<_>, _>>().ok()
    };
    let mut records: Vec<_> = records.iter().map(text).collect::<Option<_>>()?;
    if has_header && !records.is_empty() {
        records.remove(0);
    }
    (!records.is_empty()).then_some(records)
}

/// Whether the file ends within a quoted value.
fn is_quote_open(text: &[u8], delimiter: u8) -> bool {
    let (mut is_start, mut is_open) = (true, false);
    let mut bytes = text.iter().peekable();
    while let Some(&byte) = bytes.next() {
        if is_open {
            if byte == b'"' && bytes.next_if_eq(&&b'"').is_none() {
                is_open = false;
            }
            continue;
        }
        is_open = byte == b'"' && is_start;
        is_start = byte == delimiter || byte == b'\n' || byte == b'\r';
    }
    is_open
}
