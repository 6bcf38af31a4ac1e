//! Records, cells and headers that are not as required.

use std::collections::HashMap;

use serde::Deserialize;
use tuplenet::{
    Error,
    data::{Csv, Numbers},
};

use super::{Person, is_told, people, records, table};

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
    // Also within another type.
    #[derive(Debug, Deserialize)]
    struct Newtype(#[expect(dead_code, reason = "it is not read")] Person);
    let text = b"age,sex,BMI,visits per year\n1,male,2,3\n";
    is_told(records::<Newtype>(&table(), text), "line 1", words);
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
fn a_delimiter_or_quote_that_cannot_be_one_is_told() {
    let fails = |table: Csv, words: &str| {
        let error = records::<f32>(&table, b"a\n1\n").unwrap_err();
        assert!(matches!(error, Error::Setting { .. }), "{error:?}");
        assert_eq!(error.to_string(), words);
    };
    let valid =
        "expected an ASCII character that is no letter, digit or line ending, and not 0, found";
    fails(table().delimiter(b'e'), &format!("delimiter: {valid} `e`"));
    fails(
        table().delimiter(0xe9),
        &format!("delimiter: {valid} `\\xe9`"),
    );
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
