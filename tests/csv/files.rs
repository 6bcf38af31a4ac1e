//! Files that are no tables, compressed files, and records without end.

use std::{
    fs,
    io::{self, Cursor, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use flate2::{Compression, write::GzEncoder};
use tuplenet::{Error, data::Csv};

use super::{is_told, records, table};

#[test]
fn a_file_that_is_no_table_is_told_so() {
    let headed = |text: &[u8]| records::<(f32, f32)>(&table(), text);
    let bare = |text: &[u8]| records::<(f32, f32)>(&table().header(false), text);
    is_told(headed(b""), "line 1", "a header, found the end of the file");
    is_told(
        headed(b"\n\r\n"),
        "line 3",
        "a header, found the end of the file",
    );
    is_told(
        headed(b"\xef\xbb\xbf"),
        "line 1",
        "a header, found the end of the file",
    );
    is_told(
        headed(b"a,b\n"),
        "line 2",
        "records after the header, found the end of the file",
    );
    is_told(bare(b"\n"), "line 2", "records, found the end of the file");
    is_told(
        records::<f32>(&table().skip_lines(3), b"# 1\n# 2"),
        "line 2",
        "a header, found the end of the file",
    );

    let wide: Vec<u8> = "a,b\n1,2\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let marked = [&[0xff, 0xfe], &wide[..]].concat();
    is_told(
        headed(&marked),
        "line 1",
        "text in UTF-8, found UTF-16, by its first bytes ff fe",
    );
    is_told(
        headed(&wide),
        "line 1",
        "text in UTF-8, found a byte 0, as in UTF-16 and in binary files",
    );
    is_told(
        headed(b"a,b\n1,2\n3,\0\n"),
        "line 3",
        "text in UTF-8, found a byte 0, as in UTF-16 and in binary files",
    );
    let words = "text in UTF-8, found the bytes `caf\\xe9`";
    is_told(
        records::<(f32, String)>(&table(), b"a,b\n1,caf\xe9\n"),
        "line 2, column `b`",
        words,
    );
    is_told(
        headed(b"a,\xe9\n1,2\n"),
        "line 1, column 2",
        "a name in UTF-8, found the bytes `\\xe9`",
    );

    let open = "a closing quote, found the end of the file";
    is_told(headed(b"a,b\n1,2\n3,\"4\n5,6\n7,8\n"), "line 3", open);
    is_told(headed(b"a,\"b\n1,2\n"), "line 1", open);
    is_told(bare(b"\""), "line 1", open);
    is_told(bare(b"1,2\n3,\"4\"\""), "line 2", open);
    assert_eq!(bare(b"1,2\n3,\"4\"").unwrap()[1], (3.0, 4.0));
    let letters = records::<String>(&table().header(false), b"\"a\n\"\ne\ne").unwrap();
    assert_eq!(letters, ["a\n", "e", "e"]);
}

/// The line of an error is that of the record, whatever the line endings, with empty lines and lines within quotes.
#[test]
fn lines_are_counted_with_every_line_ending() {
    for ending in ["\n", "\r\n", "\r"] {
        let lines = [
            "# comment",
            "a,b",
            "",
            "\"1\",\" ",
            " 2\"",
            "",
            "",
            "3,4",
            "x,6",
            "",
        ];
        let text = lines.join(ending);
        let rows = table()
            .skip_lines(1)
            .records_from::<(f32, f32)>(Cursor::new(text.into_bytes()));
        let rows: Vec<_> = rows.unwrap().collect();
        assert_eq!(
            (rows[0].as_ref().unwrap(), rows.len()),
            (&(1.0, 2.0), 3),
            "{ending:?}"
        );
        let error = rows[2].as_ref().unwrap_err().to_string();
        assert!(
            error.starts_with("t.csv: line 9, column `a`"),
            "{ending:?}: {error}"
        );
    }
}

/// Gives the first bytes once, then the last ones for ever, and counts all.
struct Endless {
    first: Cursor<Vec<u8>>,
    last: &'static [u8],
    given: Arc<AtomicUsize>,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut len = self.first.read(buffer)?;
        while len < buffer.len() {
            let part = self.last.len().min(buffer.len() - len);
            buffer[len..len + part].copy_from_slice(&self.last[..part]);
            len += part;
        }
        self.given.fetch_add(len, Ordering::Relaxed);
        Ok(len)
    }
}

/// No more is read than a record may have, and so no more is held: of a line, of a quoted value, of a comment, of
/// columns, and of a file that decompresses to gigabytes.
#[test]
fn a_record_without_end_takes_bounded_memory() {
    let mut longest = 0;
    let mut fails = |table: Csv, first: &str, last: &'static [u8], place: &str| {
        let given = Arc::new(AtomicUsize::new(0));
        let first = Cursor::new(first.as_bytes().to_vec());
        let source = Endless {
            first,
            last,
            given: Arc::clone(&given),
        };
        let mut records = table.records_from::<Vec<String>>(source);
        let error = match &mut records {
            Err(error) => error.to_string(),
            Ok(records) => {
                let error = records.find_map(Result::err).unwrap().to_string();
                assert!(records.next().is_none());
                error
            }
        };
        let words = "a record of at most 1048576 bytes, found a longer one; look for a quote that is not closed";
        assert!(
            error.starts_with(&format!("t.csv: {place}: expected {words}")),
            "{error}"
        );
        longest = longest.max(given.load(Ordering::Relaxed));
    };
    fails(table(), "", b"a", "line 1");
    fails(table(), "a,b\n1,2\n", b"3", "line 3");
    fails(table(), "a,b\n1,2\n1,\"", b"3\n", "line 3");
    fails(table(), "a,b\n1,2\n1,\"", b"\n", "line 3");
    fails(table(), "a,b\r1,2\r1,\"", b"\r\n", "line 3");
    fails(table(), "", b",", "line 1");
    fails(table().skip_lines(2), "# 1\n#", b"a", "line 2");
    // Buffers of 8 KiB.
    assert!(longest <= Csv::MAX_RECORD_BYTES + 32 * 1024, "{longest}");

    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    (0..256).for_each(|_| packed.write_all(&[b'a'; 1 << 20]).unwrap());
    let error = records::<f32>(&table(), &packed.finish().unwrap()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a record of at most 1048576 bytes"),
        "{error}"
    );

    // The limit is exact, with the line ending.
    let limited = table().header(false).max_record_bytes(5);
    assert_eq!(
        records::<u32>(&limited, b"1234\n5678\n\n\n\n\n\n\n0\n").unwrap(),
        [1234, 5678, 0]
    );
    is_told(
        records::<u32>(&limited, b"1234\n56789\n"),
        "line 2",
        "a record of at most 5 bytes, found a longer one",
    );
}

#[test]
fn compressed_tables_are_recognised_by_their_contents() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(b"\xef\xbb\xbfa,b\n").unwrap();
    (0..10_000).for_each(|at| writeln!(packed, "{at},{}", at * at).unwrap());
    let packed = packed.finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, &packed).unwrap();
    let rows = Csv::new(&path).columns(["b", "a"]).unwrap();
    let sum = rows.map(|row| f64::from(row.unwrap()[1])).sum::<f64>();
    assert_eq!(sum, 49_995_000.0);
    for cut in [2, 9, packed.len() / 2, packed.len() - 1] {
        let error = records::<(f32, f32)>(&table(), &packed[..cut])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(": expected complete gzip data, found corrupt gzip data: "),
            "{cut}: {error}"
        );
        assert_eq!(error.lines().count(), 1);
    }
    let mut damaged = packed.clone();
    let checksum = damaged.len() - 6;
    damaged[checksum] ^= 1;
    let error = records::<(f32, f32)>(&table(), &damaged)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("t.csv: line 10002: expected complete gzip data"),
        "{error}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let error = Csv::new(folder.path())
        .records::<f32>()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected a file, found a folder; name the file itself"),
        "{error}"
    );
    let error = Csv::new(folder.path().join("gone.csv"))
        .records::<f32>()
        .unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
    assert!(
        error.to_string().contains("gone.csv: cannot read: "),
        "{error}"
    );

    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::from_raw_os_error(5))
        }
    }
    let mut records = table()
        .records_from::<f32>((&b"a\n1\n"[..]).chain(Failing))
        .unwrap();
    assert_eq!(records.next().unwrap().unwrap(), 1.0);
    let error = records.next().unwrap().unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
    assert!(records.next().is_none());
}
