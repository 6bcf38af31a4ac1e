//! Tables written by the crate `csv`, and arbitrary bytes.

use std::io::{self, Cursor, Read, Write};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use tuplenet::{
    data::{FeatureValues, Missing, Targets},
    prelude::*,
    shape::Features,
    target::Classes,
};

use super::{Person, Sex, oracle, records, table};

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
        let read = oracle::read(&file, true, delimiter);
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
        oracle::read(&file, has_header, b',');
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
