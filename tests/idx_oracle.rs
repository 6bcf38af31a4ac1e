//! Properties of any two files, checked by the fuzz target `from_idx` and the tests in `idx.rs`.

use tuplenet::{prelude::*, shape::Features, target::Classes};

pub const FEATURES: usize = 6;
pub const CLASSES: usize = 3;

/// Whether the bytes are accepted as a data set of [`FEATURES`] and [`CLASSES`], with labels that start at `first`.
///
/// # Panics
/// If acceptance or values differ from those of an independent parser. Gzip files are not
/// compared.
pub fn is_read(features: &[u8], labels: &[u8], first: i32) -> bool {
    let read =
        Dataset::<Features<FEATURES>, Classes<CLASSES>>::from_idx_bytes(features, labels, first);
    if [features, labels]
        .iter()
        .any(|file| file.starts_with(&[0x1f, 0x8b]))
    {
        return read.is_ok();
    }
    let expected = samples(features, labels, first);
    let (data, expected) = match (read, expected) {
        (Ok(data), Some(expected)) => (data, expected),
        (Err(error), None) => {
            let words = error.to_string();
            let names_a_file = ["features: ", "labels: "]
                .iter()
                .any(|it| words.starts_with(it));
            assert!(names_a_file || words.ends_with("found none"), "{words}");
            return false;
        }
        (read, expected) => panic!("{read:?}, not {expected:?}"),
    };
    assert_eq!(data.len(), expected.len());
    for (at, (features, label)) in expected.into_iter().enumerate() {
        assert_eq!(data.sample(at).map(|it| it.to_vec()), Some(features));
        assert_eq!(data.label(at), Some(label));
    }
    true
}

/// The samples, if there are any and the files are valid.
fn samples(features: &[u8], labels: &[u8], first: i32) -> Option<Vec<(Vec<f32>, usize)>> {
    let (kind, shape, values) = numbers(features)?;
    let (label_kind, label_shape, labels) = numbers(labels)?;
    let is_integer = label_kind <= 0x0c;
    if label_shape.len() != 1 || !is_integer || label_shape[0] != shape[0] || shape[0] == 0 {
        return None;
    }
    if shape[1..].iter().product::<u64>() != FEATURES as u64 {
        return None;
    }
    let values = values.into_iter().map(|value| match kind {
        0x08 => (value as f32) * (1.0 / 255.0),
        _ => value as f32,
    });
    let values: Vec<f32> = values.collect();
    if !values.iter().all(|value| value.is_finite()) {
        return None;
    }
    let labels = labels.into_iter().map(|label| {
        let class = label - f64::from(first);
        (0.0..CLASSES as f64)
            .contains(&class)
            .then_some(class as usize)
    });
    let labels: Vec<usize> = labels.collect::<Option<_>>()?;
    let rows = values.chunks(FEATURES).map(<[f32]>::to_vec);
    Some(rows.zip(labels).collect())
}

/// Type, dimensions and values of a file, if it is valid.
fn numbers(file: &[u8]) -> Option<(u8, Vec<u64>, Vec<f64>)> {
    let (&[0, 0, kind, count], mut rest) = file.split_first_chunk()? else {
        return None;
    };
    if !(1..=4).contains(&count) {
        return None;
    }
    let mut shape = Vec::new();
    for _ in 0..count {
        let (number, behind) = rest.split_first_chunk()?;
        shape.push(u64::from(u32::from_be_bytes(*number)));
        rest = behind;
    }
    let size = [
        (0x08, 1),
        (0x09, 1),
        (0x0b, 2),
        (0x0c, 4),
        (0x0d, 4),
        (0x0e, 8),
    ];
    let size = size.into_iter().find(|&(code, _)| code == kind)?.1;
    let expected = shape
        .iter()
        .try_fold(size, |all: u64, &it| all.checked_mul(it))?;
    if rest.len() as u64 != expected {
        return None;
    }
    let mut values = Vec::new();
    while !rest.is_empty() {
        let (value, behind) = rest.split_at(size as usize);
        let value = match kind {
            0x08 => f64::from(value[0]),
            0x09 => f64::from(value[0] as i8),
            0x0b => f64::from(i16::from_be_bytes(value.try_into().ok()?)),
            0x0c => f64::from(i32::from_be_bytes(value.try_into().ok()?)),
            0x0d => f64::from(f32::from_be_bytes(value.try_into().ok()?)),
            _ => f64::from_be_bytes(value.try_into().ok()?),
        };
        values.push(value);
        rest = behind;
    }
    Some((kind, shape, values))
}
