//! Tables: types of records, missing values, every kind of error, round trips, and scikit-learn's tables.

mod errors;
mod files;
mod oracle;
pub mod scikit_learn;
mod written;

use std::{collections::HashMap, fs, io::Cursor};

use serde::{Deserialize, de::DeserializeOwned};
use tuplenet::{
    Error,
    data::{Csv, Missing, Numbers},
};

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
    let read = records::<Row>(&bare, line.as_bytes()).unwrap();
    assert_eq!(read, [expected]);
    let headed = format!("a,b,c,d,e,f,g,h,i\n{line}");
    let headed = records::<Row>(&table(), headed.as_bytes()).unwrap();
    assert_eq!(headed, read);
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
    let of_bytes = records::<bytes::Bytes>(&table().header(false), b"caf\xe9\n").unwrap();
    assert_eq!(of_bytes[0].0, b"caf\xe9");
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
    // A struct as target is read by position.
    #[derive(Deserialize)]
    struct Label {
        class: Sex,
    }
    let mut rows = file.columns_and_target::<Label, _>(["a"], "kind").unwrap();
    assert_eq!(rows.next().unwrap().unwrap().1.class, Sex::Male);
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

/// Bytes as the crate `serde_bytes` reads them.
mod bytes {
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
