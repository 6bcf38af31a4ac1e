//! Tables: round trips, every kind of error, bounded memory, and scikit-learn's tables from their files.

use std::{
    collections::HashMap,
    env, fs,
    io::{self, Cursor, Read, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use serde::{Deserialize, de::DeserializeOwned};
use tuplenet::{
    Error,
    data::{Csv, FeatureValues, Missing, Numbers, Targets},
    prelude::*,
    shape::Features,
    target::{Classes, Target, Values},
};

use crate::csv_oracle;

/// The records of a text, as this table describes it.
fn records<T: DeserializeOwned>(table: &Csv, text: &[u8]) -> tuplenet::Result<Vec<T>> {
    table
        .records_from(Cursor::new(text.to_vec()))
        .and_then(Iterator::collect)
}

fn table() -> Csv {
    Csv::new("t.csv")
}

#[derive(Debug, Deserialize, PartialEq)]
struct Person {
    age: f32,
    sex: Sex,
    bmi: Option<f32>,
    #[serde(rename = "visits per year")]
    visits: u8,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Sex {
    Female,
    Male,
}

/// A record of each type of field, with this line in the middle.
fn people(line: &str) -> tuplenet::Result<Vec<Person>> {
    let text =
        format!("sex,age,name,bmi,visits per year\nmale,40,A,20.5,1\n{line}\nfemale,50,C,,2\n");
    records(&table(), text.as_bytes())
}

/// The error, which is one line and names file, line and column.
#[track_caller]
fn is_told<T>(result: tuplenet::Result<T>, place: &str, words: &str) {
    let error = result.err().unwrap();
    assert!(matches!(error, Error::Table { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("t.csv: {place}: expected {words}; ")),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_struct_is_read_by_name_whatever_the_order() {
    let people = people(" male , 1e1 ,B,NA, 255").unwrap();
    let expected = Person {
        age: 10.0,
        sex: Sex::Male,
        bmi: None,
        visits: 255,
    };
    assert_eq!((people.len(), &people[1]), (3, &expected));
    assert_eq!([people[0].bmi, people[2].bmi], [Some(20.5), None]);
}

#[test]
fn tuples_and_arrays_are_read_by_position_with_or_without_a_header() {
    type Row = ((), [f32; 2], Option<i8>, Numbers<2>, (String, bool), char);
    let line = "x,1,2,-3,4,5, text ,TRUE,é\n";
    let expected: Row = (
        (),
        [1.0, 2.0],
        Some(-3),
        Numbers([4.0, 5.0]),
        (" text ".to_owned(), true),
        'é',
    );
    let bare = table().header(false);
    assert_eq!(
        records::<Row>(&bare, line.as_bytes()).unwrap(),
        [expected.clone()]
    );
    let headed = format!("a,b,c,d,e,f,g,h,i\n{line}");
    assert_eq!(
        records::<Row>(&table(), headed.as_bytes()).unwrap(),
        [expected]
    );
    assert_eq!(records::<f32>(&bare, b"1\n2").unwrap(), [1.0, 2.0]);
    assert_eq!(records::<Vec<u64>>(&bare, b"1,2,3").unwrap(), [[1, 2, 3]]);
    let map = records::<HashMap<String, i32>>(&table(), b"a,b\n1,2").unwrap();
    assert_eq!(
        map[0],
        HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)])
    );
    // A struct without a header takes its fields in order; one in a newtype is read by name.
    let bare = records::<Person>(&bare, b"40,male,,3").unwrap();
    assert_eq!((bare[0].age, bare[0].bmi, bare[0].visits), (40.0, None, 3));
    #[derive(Deserialize)]
    struct Newtype(Person);
    let newtype = records::<Newtype>(&table(), b"visits per year,bmi,sex,age\n3,,male,40").unwrap();
    assert_eq!(newtype[0].0, bare[0]);
    let of_bytes =
        records::<serde_bytes_like::Bytes>(&table().header(false), b"caf\xe9\n").unwrap();
    assert_eq!(of_bytes[0].0, b"caf\xe9");
}

/// Bytes as the crate `serde_bytes` reads them.
mod serde_bytes_like {
    use std::fmt;

    use serde::{
        Deserialize, Deserializer,
        de::{Error, Visitor},
    };

    pub struct Bytes(pub Vec<u8>);

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_byte_buf(Raw)
        }
    }

    struct Raw;

    impl Visitor<'_> for Raw {
        type Value = Bytes;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
            Ok(Bytes(bytes.to_vec()))
        }
    }
}

#[test]
fn columns_are_selected_by_name_in_the_order_of_the_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(
        &path,
        "# a comment\nid;a; b ;kind\nX;1;2;male\nY;3;4;female\n",
    )
    .unwrap();
    let file = Csv::new(&path).skip_lines(1).delimiter(b';');
    let rows: Vec<_> = file
        .columns(["b", "a"])
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows, [[2.0, 1.0], [4.0, 3.0]]);
    let rows = file.columns_and_target::<Sex, _>(["a"], "kind").unwrap();
    let rows: Vec<_> = rows.map(Result::unwrap).collect();
    assert_eq!(rows, [([1.0], Sex::Male), ([3.0], Sex::Female)]);
    // The column of an error is that of the file.
    let error = file
        .columns(["a", "kind"])
        .unwrap()
        .next()
        .unwrap()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("t.csv: line 3, column `kind`: expected a number, found `male`; "),
        "{error}"
    );
    let error = file.columns(["a", "c"]).unwrap_err().to_string();
    let words = "line 2: expected one column `c`, found the columns `id`, `a`, `b`, `kind`; correct the name";
    assert!(error.contains(words), "{error}");
    let error = file.header(false).columns(["a"]).unwrap_err().to_string();
    assert!(
        error.contains("without a header: expected `Csv::header(true)`"),
        "{error}"
    );
}

#[test]
fn a_cell_that_is_not_of_its_type_is_told_with_line_and_column() {
    is_told(
        people("male,old,B,1,1"),
        "line 3, column `age`",
        "a number, found `old`",
    );
    is_told(
        people("male,40,B,\"1,5\",1"),
        "line 3, column `bmi`",
        "a number, found `1,5`",
    );
    is_told(
        people("male,?,B,1,1"),
        "line 3, column `age`",
        "a number, found `?`",
    );
    is_told(
        people("male,40,B,1,"),
        "line 3, column `visits per year`",
        "a number, found an empty cell",
    );
    is_told(
        people("male,inf,B,1,1"),
        "line 3, column `age`",
        "a finite number, found `inf`",
    );
    is_told(
        people("male,-NaN,B,1,1"),
        "line 3, column `age`",
        "a finite number, found `-NaN`",
    );
    is_told(
        people("male,NaN,B,1,1"),
        "line 3, column `age`",
        "a number, found `NaN`",
    );
    let range = "a number from -3.4028235e38 to 3.4028235e38, found `1e60`";
    is_told(people("male,1e60,B,1,1"), "line 3, column `age`", range);
    for number in ["256", "-1", "1.0", "1e2"] {
        let words = format!("an integer from 0 to 255, found `{number}`");
        is_told(
            people(&format!("male,40,B,1,{number}")),
            "line 3, column `visits per year`",
            &words,
        );
    }
    let words = "one of `female`, `male`, found `Male`";
    is_told(people("Male,40,B,1,1"), "line 3, column `sex`", words);
    is_told(
        people(",40,B,1,1"),
        "line 3, column `sex`",
        "one of `female`, `male`, found an empty cell",
    );
    let long = format!("male,\"{}\n\",B,1,1", "é".repeat(1000));
    let words = format!("a number, found `{}…`", "é".repeat(40));
    is_told(people(&long), "line 3, column `age`", &words);
    is_told(
        people("male,\"4\n0\",B,1,1"),
        "line 3, column `age`",
        "a number, found `4\\n0`",
    );
    let bare = table().header(false);
    is_told(
        records::<(f32, bool)>(&bare, b"1,yes"),
        "line 1, column 2",
        "`true`, `false`, `1` or `0`, found `yes`",
    );
    is_told(
        records::<(f32, char)>(&bare, b"1,yes"),
        "line 1, column 2",
        "a character, found `yes`",
    );
    // Errors that the record's own type reports.
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "f32")]
    struct Positive(#[expect(dead_code, reason = "only its conversion is tested")] f32);
    impl TryFrom<f32> for Positive {
        type Error = &'static str;
        fn try_from(value: f32) -> Result<Self, Self::Error> {
            Some(Positive(value))
                .filter(|_| value > 0.0)
                .ok_or("not\npositive")
        }
    }
    let words = "a value that the record's type accepts, found the error not\\npositive";
    is_told(
        records::<(f32, Positive)>(&bare, b"1,-1"),
        "line 1, column 2",
        words,
    );
}

#[test]
fn an_iterator_goes_on_after_a_record_that_is_not_of_its_type() {
    let text = "a,b\n1,2\nx,2\n1\n\n5,6\n";
    let rows: Vec<_> = table()
        .records_from::<(f32, f32)>(text.as_bytes())
        .unwrap()
        .collect();
    assert_eq!(
        rows.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, false, true]
    );
    let error = rows[2].as_ref().unwrap_err().to_string();
    assert!(
        error
            .contains("line 4: expected 2 columns, as in the header, found 1; check the delimiter"),
        "{error}"
    );
    assert_eq!(rows[3].as_ref().unwrap(), &(5.0, 6.0));
}

#[test]
fn the_number_of_columns_is_that_of_the_header_and_of_the_record() {
    let bare = table().header(false);
    let words = "2 columns, as in the first record, found 3";
    is_told(
        records::<(f32, f32)>(&bare, b"1,2\n3,4,5\n"),
        "line 2",
        words,
    );
    is_told(
        records::<[f32; 3]>(&bare, b"1,2\n"),
        "line 1",
        "more columns, found 2",
    );
    is_told(
        records::<Numbers<3>>(&bare, b"1,2\n"),
        "line 1",
        "more columns, found 2",
    );
    is_told(
        records::<f32>(&bare, b"1,2\n"),
        "line 1",
        "1 columns, as many as are read, found 2",
    );
    is_told(
        records::<HashMap<String, f32>>(&bare, b"1\n"),
        "line 1",
        "names of columns, found a table without a header",
    );
}

#[test]
fn every_field_is_in_the_header_also_an_optional_one() {
    let read =
        |header: &str| records::<Person>(&table(), format!("{header}\n1,male,2,3\n").as_bytes());
    assert!(read("age,sex,bmi,visits per year").is_ok());
    let words = "one column `bmi`, found the columns `age`, `sex`, `BMI`, `visits per year`";
    is_told(read("age,sex,BMI,visits per year"), "line 1", words);
    let twice = "age,sex,bmi,visits per year,age\n1,male,2,3,4\n";
    is_told(
        records::<Person>(&table(), twice.as_bytes()),
        "line 1",
        "one column `age`, found 2 columns of that name",
    );
    let names: Vec<_> = (0..25).map(|at| format!("c{at}")).collect();
    let error = records::<Person>(&table(), names.join(",").as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains("`c18`, `c19` and 5 more; "), "{error}");
    // A header of another delimiter is one name.
    is_told(
        records::<Person>(&table(), b"age;sex\n1;2\n"),
        "line 1",
        "one column `age`, found the columns `age;sex`",
    );
}

#[test]
fn missing_values_follow_the_rule() {
    let text = "a,b,c\n1,2,x\n?,4,x\n5, n/a ,NA\n7,8,NA\n,10,x\n";
    type Row = (f32, Option<f32>, String);
    let rule = |missing| table().missing(missing);
    is_told(
        records::<Row>(&rule(Missing::Error), text.as_bytes()),
        "line 3, column `a`",
        "a number, found `?`",
    );
    let mut rows = rule(Missing::SkipRow)
        .records_from::<Row>(text.as_bytes())
        .unwrap();
    let read: Vec<_> = rows.by_ref().map(Result::unwrap).collect();
    let text_of = |text: &str| text.to_owned();
    let expected = [
        (1.0, Some(2.0), text_of("x")),
        (5.0, None, text_of("NA")),
        (7.0, Some(8.0), text_of("NA")),
    ];
    assert_eq!((rows.skipped(), &read[..]), (2, &expected[..]));
    let read = records::<Row>(&rule(Missing::Value(-0.5)), text.as_bytes()).unwrap();
    assert_eq!(
        read.iter().map(|row| row.0).collect::<Vec<_>>(),
        [1.0, -0.5, 5.0, 7.0, -0.5]
    );
    // A value that the type does not have is told, and so is one that is not finite.
    let words = "an integer from 0 to 255, found `-0.5`";
    let bare = |missing| rule(missing).header(false);
    is_told(
        records::<u8>(&bare(Missing::Value(-0.5)), b"?"),
        "line 1, column 1",
        words,
    );
    is_told(
        records::<f32>(&bare(Missing::Value(f64::NAN)), b"?"),
        "line 1, column 1",
        "a finite number, found `NaN`",
    );
    assert_eq!(
        records::<u8>(&bare(Missing::Value(9.0)), b"?").unwrap(),
        [9]
    );
    // Only a missing category is skipped, not one that the enum lacks.
    let read = records::<Sex>(&bare(Missing::SkipRow), b"male\nNA\nfemale").unwrap();
    assert_eq!(read, [Sex::Male, Sex::Female]);
    let words = "one of `female`, `male`, found `other`";
    is_told(
        records::<Sex>(&bare(Missing::SkipRow), b"male\nother"),
        "line 2, column 1",
        words,
    );
    assert_eq!(
        records::<Option<Sex>>(&bare(Missing::Error), b"male\nnull\n").unwrap(),
        [Some(Sex::Male), None]
    );
}

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

#[test]
fn a_delimiter_or_quote_that_cannot_be_one_is_told() {
    let fails = |table: Csv, words: &str| {
        let error = records::<f32>(&table, b"a\n1\n").unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error:?}");
        assert_eq!(error.to_string(), words);
    };
    let valid = "expected a byte that is no letter, digit or line ending, and not 0, found";
    fails(table().delimiter(b'e'), &format!("delimiter: {valid} `e`"));
    fails(
        table().delimiter(b'\n'),
        &format!("delimiter: {valid} `\\n`"),
    );
    fails(table().quote(b'0'), &format!("quote: {valid} `0`"));
    fails(
        table().quote(b','),
        "quote: expected another byte than the delimiter, found `,`",
    );
    let quoted =
        records::<(String, String)>(&table().header(false).quote(b'\''), b"'a,b',\"c").unwrap();
    assert_eq!(quoted[0], ("a,b".to_owned(), "\"c".to_owned()));
    let plain =
        records::<(String, String)>(&table().header(false).quote(None), b"\"a,b'\n").unwrap();
    assert_eq!(plain[0], ("\"a".to_owned(), "b'".to_owned()));
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

/// Gives one byte per read, and is interrupted before each.
struct Slow(Cursor<Vec<u8>>, bool);

impl Read for Slow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        match (self.1, buffer) {
            (true, _) => Err(io::ErrorKind::Interrupted.into()),
            (false, [first, ..]) => self.0.read(std::slice::from_mut(first)),
            (false, []) => Ok(0),
        }
    }
}

/// Values of every kind that quotes are for, and all others.
fn value() -> impl Strategy<Value = String> {
    let odd = "[ae,;\"' \n\r\té0]{0,6}";
    prop_oneof![odd, any::<String>().prop_map(|text| text.replace('\0', ""))]
}

/// Tables of one column or more, with a header.
fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    (1usize..5).prop_flat_map(|columns| {
        prop::collection::vec(prop::collection::vec(value(), columns), 2..6)
    })
}

/// Any numbers, and a category.
fn samples() -> impl Strategy<Value = Vec<([f32; 3], usize)>> {
    use prop::num::f32::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    let number = POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO;
    let sample = (prop::array::uniform3(number), 0usize..4);
    prop::collection::vec(sample, 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Also in pieces, compressed, and with a byte order mark.
    #[test]
    fn written_tables_are_read_back(
        rows in rows(),
        delimiter in prop::sample::select(b",;\t |".to_vec()),
        is_crlf in any::<bool>(),
        is_marked in any::<bool>(),
    ) {
        let mut writer = ::csv::WriterBuilder::new();
        writer.delimiter(delimiter);
        if is_crlf {
            writer.terminator(::csv::Terminator::CRLF);
        }
        let mut file: Vec<u8> = if is_marked { b"\xef\xbb\xbf".to_vec() } else { Vec::new() };
        let mut writer = writer.from_writer(&mut file);
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        drop(writer);
        let expected = &rows[1..];
        let read = csv_oracle::read(&file, true, delimiter);
        prop_assert_eq!(read.as_deref(), Some(expected));
        let table = table().delimiter(delimiter);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&file).unwrap();
        let packed = packed.finish().unwrap();
        for bytes in [file, packed] {
            let slow = table.records_from::<Vec<String>>(Slow(Cursor::new(bytes), false)).unwrap();
            prop_assert_eq!(&slow.collect::<Result<Vec<_>, _>>().unwrap(), expected);
        }
    }

    #[test]
    fn numbers_are_read_back_to_the_bit(samples in samples()) {
        let mut file = "a,b,c,class\n".to_owned();
        for ([a, b, c], class) in &samples {
            file += &format!("{a},{b:e},{c:?},{class}\n");
        }
        let rows = table().records_from::<([f32; 3], usize)>(Cursor::new(file.into_bytes())).unwrap();
        let data = Dataset::<Features<3>, Classes<4>>::try_from_records(rows, |row| row).unwrap();
        let (FeatureValues::Values(values), Targets::Labels(labels)) = (data.features(), data.targets()) else {
            panic!("values and labels")
        };
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(values), bits(&samples.iter().flat_map(|it| it.0).collect::<Vec<_>>()));
        let classes = samples.iter().map(|it| it.1 as u8).collect::<Vec<_>>();
        prop_assert_eq!(labels, &classes);
    }

    #[test]
    fn arbitrary_bytes_are_read_as_by_the_crate_csv(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..64),
            prop::collection::vec(prop::sample::select(b"ae,;\"\n\r \xef\xbb\xbf\xc3\xa9\xff\xfe\0".to_vec()), 0..24),
        ],
        start in prop::sample::select(vec![&b""[..], b"\x1f\x8b", b"\xff\xfe", b"\xef\xbb\xbf", b"a,a\n"]),
        has_header in any::<bool>(),
    ) {
        let file = [start, &bytes].concat();
        csv_oracle::read(&file, has_header, b',');
        // Other types of records, of which each error is one line.
        for table in [table().header(has_header), table().header(has_header).missing(Missing::SkipRow).quote(None)] {
            for error in [
                records::<(f32, Option<u8>)>(&table, &file).err(),
                records::<Sex>(&table, &file).err(),
                records::<Person>(&table, &file).err(),
            ].into_iter().flatten() {
                let text = error.to_string();
                prop_assert!(text.chars().all(|char| !char.is_control()), "{:?}", text);
            }
        }
    }
}

/// The folder of scikit-learn's tables, or `None` with a line on the terminal that the test harness does not capture.
fn tables(test: &str) -> Option<PathBuf> {
    let Some(folder) = env::var_os("TUPLENET_TABLES") else {
        let line =
            format!("SKIPPED {test}: set TUPLENET_TABLES to a folder with scikit-learn's tables\n");
        io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    Some(folder.into())
}

/// Compares a table with the figures of scikit-learn's loaders, from `reference/tables.py`.
fn is_scikit_learns<const F: usize, T: Target>(name: &str, data: &Dataset<Features<F>, T>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/tables.json");
    let tables: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let figures = &tables[name];
    let numbers = |key: &str| -> Vec<f64> {
        let numbers = figures[key].as_array().unwrap();
        numbers
            .iter()
            .map(|number| number.as_f64().unwrap())
            .collect()
    };
    assert_eq!(
        [data.len() as f64, F as f64][..],
        numbers("shape"),
        "{name}"
    );
    let first: Vec<f32> = numbers("first")
        .iter()
        .map(|&number| number as f32)
        .collect();
    assert_eq!(data.sample(0).unwrap()[..], first, "{name}");
    let samples: Vec<_> = (0..data.len()).map(|at| data.sample(at).unwrap()).collect();
    // Each value is rounded to `f32`, by at most 2^-24 of itself; the values are all positive.
    let is_close = |sum: f64, theirs: f64| (sum - theirs).abs() <= theirs * 2_f64.powi(-24);
    for (column, theirs) in numbers("sums").into_iter().enumerate() {
        let sum: f64 = samples.iter().map(|sample| f64::from(sample[column])).sum();
        assert!(
            is_close(sum, theirs),
            "{name}, column {column}: {sum}, not {theirs}"
        );
    }
    let target_sum = figures["target_sum"].as_f64().unwrap();
    match data.targets() {
        Targets::Labels(labels) => {
            let counts = numbers("counts");
            for (class, &theirs) in counts.iter().enumerate() {
                let count = labels
                    .iter()
                    .filter(|&&label| usize::from(label) == class)
                    .count();
                assert_eq!(count as f64, theirs, "{name}, class {class}");
            }
            assert_eq!(counts.iter().sum::<f64>(), data.len() as f64);
        }
        Targets::Values(values) => {
            assert!(
                is_close(values.iter().map(|&it| f64::from(it)).sum(), target_sum),
                "{name}"
            );
        }
        other => panic!("{name}: {other:?}"),
    }
}

/// A table of `F` features and one of `C` classes, without a header.
fn classified<const F: usize, const C: usize>(table: &Csv) -> Dataset<Features<F>, Classes<C>> {
    let rows = table
        .clone()
        .header(false)
        .records::<(Numbers<F>, usize)>()
        .unwrap();
    Dataset::try_from_records(rows, |(Numbers(features), class)| (features, class)).unwrap()
}

#[test]
fn the_tables_of_scikit_learn_are_read_as_by_its_loaders() {
    let Some(folder) = tables("the_tables_of_scikit_learn_are_read_as_by_its_loaders") else {
        return;
    };
    let file = |name: &str| Csv::new(folder.join(name));
    // Their first line has the counts and the names of the classes.
    is_scikit_learns("iris", &classified::<4, 3>(&file("iris.csv").skip_lines(1)));
    is_scikit_learns(
        "wine",
        &classified::<13, 3>(&file("wine_data.csv").skip_lines(1)),
    );
    is_scikit_learns(
        "breast_cancer",
        &classified::<30, 2>(&file("breast_cancer.csv").skip_lines(1)),
    );
    // Their labels are written as floats.
    let digits = file("digits.csv.gz")
        .header(false)
        .records::<(Numbers<64>, f32)>()
        .unwrap();
    type Digits8 = Dataset<Features<64>, Classes<10>>;
    let digits =
        Digits8::try_from_records(digits, |(Numbers(pixels), digit)| (pixels, digit as usize));
    is_scikit_learns("digits", &digits.unwrap());
    let features = file("diabetes_data_raw.csv.gz")
        .header(false)
        .delimiter(b' ')
        .records::<[f32; 10]>();
    let targets = file("diabetes_target.csv.gz")
        .header(false)
        .records::<f32>();
    let rows = features.unwrap().zip(targets.unwrap());
    let rows = rows.map(|(features, target)| Ok((features?, [target?])));
    type Diabetes = Dataset<Features<10>, Values<1>>;
    is_scikit_learns(
        "diabetes",
        &Diabetes::try_from_records(rows, |row| row).unwrap(),
    );
}
