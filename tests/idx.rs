//! Data sets from idx files of every type: round trips, every truncation, every header byte, error messages.

use std::{fs, io::Write, path::PathBuf};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use tuplenet::{Error, prelude::*, shape::Features, target::Classes};

use crate::{
    cases::cases,
    idx_oracle::{CLASSES, FEATURES, is_read},
};

/// A file with this type, dimensions and bytes of values.
fn file(kind: u8, dimensions: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, dimensions.len() as u8];
    bytes.extend(dimensions.iter().flat_map(|it| it.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// The bytes of integers (or floats) of this type.
fn values(kind: u8, numbers: &[f64]) -> Vec<u8> {
    let number = |&number: &f64| match kind {
        0x08 => vec![number as u8],
        0x09 => vec![number as i8 as u8],
        0x0b => (number as i16).to_be_bytes().to_vec(),
        0x0c => (number as i32).to_be_bytes().to_vec(),
        0x0d => (number as f32).to_be_bytes().to_vec(),
        _ => number.to_be_bytes().to_vec(),
    };
    numbers.iter().flat_map(number).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

fn labels(labels: &[u8]) -> Vec<u8> {
    file(0x08, &[labels.len() as u32], labels)
}

/// The error for these files.
fn fault(features: &[u8], labels: &[u8]) -> String {
    let read = Dataset::<Features<FEATURES>, Classes<CLASSES>>::from_idx_bytes(features, labels, 0);
    read.unwrap_err().to_string()
}

fn is_told(text: &str, words: &[&str]) {
    assert!(words.iter().all(|it| text.contains(it)), "{text}");
}

#[test]
fn every_type_is_read_unchanged_and_bytes_as_grey_values() {
    let read = |kind, numbers: &[f64]| {
        let features = file(kind, &[1, FEATURES as u32], &values(kind, numbers));
        let data = Dataset::<Features<FEATURES>, Classes<CLASSES>>::from_idx_bytes(
            &features,
            &labels(&[2]),
            0,
        );
        data.unwrap().sample(0).unwrap()
    };
    let grey = read(0x08, &[0.0, 255.0, 51.0, 1.0, 0.0, 102.0]);
    let scaled = [0, 255, 51, 1, 0, 102].map(|byte| byte as f32 * (1.0 / 255.0));
    assert_eq!((grey, grey[1]), (scaled, 1.0));
    let signed = [-128.0, -1.0, 0.0, 1.0, 2.0, 127.0];
    assert_eq!(read(0x09, &signed), signed.map(|it| it as f32));
    let short = [-32768.0, -1.0, 0.0, 256.0, 2.0, 32767.0];
    assert_eq!(read(0x0b, &short), short.map(|it| it as f32));
    // 16,777,217 is the first integer that `f32` cannot represent; ties round to even.
    let long = [
        -2147483648.0,
        16777217.0,
        16777219.0,
        65536.0,
        -1.0,
        2147483647.0,
    ];
    let rounded = [
        -2147483648.0,
        16777216.0,
        16777220.0,
        65536.0,
        -1.0,
        2147483648.0,
    ];
    assert_eq!(read(0x0c, &long), rounded);
    let real = [0.5, -0.1, 3.4e38, 1e-45, -0.0, 7.25];
    assert_eq!(
        read(0x0d, &real).map(f32::to_bits),
        real.map(|it| (it as f32).to_bits())
    );
    assert_eq!(
        read(0x0e, &real).map(f32::to_bits),
        real.map(|it| (it as f32).to_bits())
    );
}

/// Labels of one byte are unsigned unless the file says otherwise, and the error has the offset of a wider one.
#[test]
fn labels_of_every_type_are_read_or_refused_where_they_are() {
    let features = file(0x08, &[2, 1], &[0, 0]);
    type Wide = Dataset<Features<1>, Classes<256>>;
    let data = Wide::from_idx_bytes(&features, &labels(&[200, 255]), 0).unwrap();
    assert_eq!([data.label(0), data.label(1)], [Some(200), Some(255)]);
    for (kind, size) in [(0x09, 1), (0x0b, 2), (0x0c, 4)] {
        let wrong = file(kind, &[2], &values(kind, &[5.0, -1.0]));
        let error = Wide::from_idx_bytes(&features, &wrong, 0).unwrap_err();
        let at = format!("(byte {})", 8 + size);
        is_told(&error.to_string(), &["label -1 of sample 1", &at]);
    }
    // only a header whose every byte is in reverse is told to be little-endian
    for first in [[1, 8, 5, 3], [3, 7, 0, 0]] {
        let read = Wide::from_idx_bytes(&features, &first, 0);
        is_told(&read.unwrap_err().to_string(), &["begins with two zeros"]);
    }
}

/// What the system refuses to read is no fault of the file: the memory of this process has no byte 0.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_the_system_does_not_read_is_told_so() {
    let read = Dataset::<Features<1>, Classes<2>>::from_idx("features", "/proc/self/mem");
    let error = read.unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    is_told(&error.to_string(), &["/proc/self/mem: cannot read"]);
}

/// As many images as EMNIST's letters, labelled from 1; raw and gzip, from files.
#[test]
fn a_data_set_of_another_size_with_labels_from_1() {
    const COUNT: usize = 124_800;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let images: Vec<u8> = (0..COUNT * FEATURES).map(|at| (at % 251) as u8).collect();
    let letters: Vec<u8> = (0..COUNT).map(|at| 1 + (at % 26) as u8).collect();
    let images = file(0x08, &[COUNT as u32, 2, 3], &images);
    fs::write(path("raw"), &images).unwrap();
    fs::write(path("packed"), gzip(&images)).unwrap();
    fs::write(path("letters.gz"), gzip(&labels(&letters))).unwrap();
    type Letters = Dataset<Features<FEATURES>, Classes<26>>;
    let read = |name| Letters::from_idx_with_first_label(path(name), path("letters.gz"), 1);
    let data = read("raw").unwrap();
    assert_eq!(
        (data.len(), data.label(COUNT - 1)),
        (COUNT, Some((COUNT - 1) % 26))
    );
    assert_eq!(data.sha256(), read("packed").unwrap().sha256());

    let error = Letters::from_idx(path("raw"), path("letters.gz")).unwrap_err();
    assert!(
        matches!(
            &error,
            Error::DataFile {
                offset: Some(33),
                ..
            }
        ),
        "{error:?}"
    );
    let words = [
        "letters.gz: expected labels from 0 to 25, found label 26 of sample 25 (byte 33)",
        "EMNIST's letters start at 1",
    ];
    is_told(&error.to_string(), &words);
}

#[test]
fn errors_name_the_location_of_the_fault() {
    let features = file(0x08, &[2, 2, 3], &[7; 12]);
    let right = labels(&[0, 2]);
    assert!(is_read(&features, &right, 0));
    is_told(
        &fault(b"", &right),
        &["features: expected a header of 4 bytes, found 0 bytes"],
    );
    is_told(
        &fault(&features[..9], &right),
        &["a header of 16 bytes, found 9 bytes in all"],
    );
    let png = [&b"\x89PNG"[..], &features].concat();
    is_told(
        &fault(&png, &right),
        &["begins with two zeros, found 0x89504e47 (byte 0)"],
    );
    is_told(
        &fault(&[3, 8, 0, 0], &right),
        &["expected big-endian numbers, found 0x03080000"],
    );
    let kind = file(0x0a, &[2, 6], &[7; 12]);
    is_told(&fault(&kind, &right), &["0x0e (f64), found 0x0a (byte 2)"]);
    is_told(
        &fault(&file(8, &[], &[]), &right),
        &["1 to 4 dimensions, found 0 dimensions (byte 3)"],
    );
    is_told(
        &fault(&file(8, &[1; 5], &[7]), &right),
        &["found 5 dimensions (byte 3)"],
    );
    let cut = &features[..features.len() - 1];
    is_told(
        &fault(cut, &right),
        &[
            "28 bytes in all, 2 x 2 x 3 values of type u8",
            "27 bytes (byte 27)",
        ],
    );
    let long = [&features[..], &[0]].concat();
    is_told(
        &fault(&long, &right),
        &["28 bytes in all", "found more bytes (byte 28)"],
    );
    let width = file(8, &[2, 2, 4], &[7; 16]);
    is_told(
        &fault(&width, &right),
        &["samples of 6 features, found 8 (2 x 2 x 4 in all) (byte 8)"],
    );
    let count = file(8, &[3, 6], &[7; 18]);
    is_told(
        &fault(&count, &right),
        &["expected 2 samples, as many as there are labels, found 3 samples (byte 4)"],
    );
    is_told(
        &fault(&right, &features),
        &["labels: expected labels in one dimension, found 3 dimensions"],
    );
    let real = file(0x0d, &[2], &values(0x0d, &[0.0, 1.0]));
    is_told(
        &fault(&features, &real),
        &["labels of type u8, i8, i16 or i32, found f32 (byte 2)"],
    );
    is_told(
        &fault(&features, &labels(&[0, 3])),
        &["from 0 to 2, found label 3 of sample 1 (byte 9)"],
    );
    let negative = file(0x09, &[2], &[0, 0xff]);
    is_told(
        &fault(&features, &negative),
        &["found label -1 of sample 1 (byte 9)"],
    );
    let huge = [0.0, 0.0, 0.0, 0.0, 0.0, 1e39];
    let huge = file(0x0e, &[1, 6], &values(0x0e, &huge));
    is_told(
        &fault(&huge, &labels(&[0])),
        &["finite values, found inf in sample 0 (byte 52)"],
    );
    let empty = file(8, &[0, 6], &[]);
    is_told(
        &fault(&empty, &labels(&[])),
        &["one sample or more, found none"],
    );
    let packed = gzip(&features);
    is_told(
        &fault(&packed[..packed.len() / 2], &right),
        &["complete gzip data"],
    );
    let mut damaged = packed.clone();
    let sum = damaged.len() - 6;
    damaged[sum] ^= 1;
    is_told(
        &fault(&damaged, &right),
        &["corrupt gzip data", "(byte 28)"],
    );

    let folder = tempfile::tempdir().unwrap();
    let read = |path| {
        Dataset::<Features<FEATURES>, Classes<CLASSES>>::from_idx(path, folder.path()).unwrap_err()
    };
    is_told(
        &read(folder.path()).to_string(),
        &["expected a file, found a folder"],
    );
    let gone = folder.path().join("gone");
    let error =
        Dataset::<Features<FEATURES>, Classes<CLASSES>>::from_idx(&gone, &gone).unwrap_err();
    is_told(
        &error.to_string(),
        &[
            "gone: cannot read",
            "check that it is a file that you can read",
        ],
    );
}

/// Whatever a header claims, allocations are bounded by the expected size and by what the file can contain.
#[test]
fn an_oversized_header_is_rejected_before_its_values_are_read() {
    type Wide = Dataset<Features<65_536>, Classes<3>>;
    let samples = u32::MAX;
    let claim = |count: u32| {
        let features = file(0x0e, &[count, 65_536], &[0; 8]);
        // As many labels, none of which exist.
        let few = file(0x08, &[count], &[0; 3]);
        Wide::from_idx_bytes(&features, &few, 0)
            .unwrap_err()
            .to_string()
    };
    is_told(
        &claim(samples),
        &[
            "labels: expected 4294967303 bytes in all",
            "11 bytes (byte 11)",
        ],
    );
    let features = file(0x0e, &[40_000, 65_536], &[0; 8]);
    let many = labels(&vec![0; 40_000]);
    let error = Wide::from_idx_bytes(&features, &many, 0)
        .unwrap_err()
        .to_string();
    is_told(
        &error,
        &[
            "at most 17179869184 bytes of values",
            "40000 x 65536 f64: 20971520000 bytes",
        ],
    );
    // Zeros that decompress to a thousand times their size: decompression stops at the size in the header.
    let bomb = gzip(&[file(0x08, &[1, 6], &[0; 6]), vec![0; 1 << 24]].concat());
    assert!(bomb.len() < 1 << 18);
    is_told(
        &fault(&bomb, &labels(&[0])),
        &["16 bytes in all", "found more bytes (byte 18)"][1..],
    );
}

/// Types of features, of labels, and dimensions that make [`FEATURES`].
fn files() -> impl Strategy<Value = (Vec<u8>, Vec<u8>, i32)> {
    let kind = || prop::sample::select(vec![0x08u8, 0x09, 0x0b, 0x0c, 0x0d, 0x0e]);
    let sample = prop::sample::select(vec![vec![6], vec![2, 3], vec![1, 6], vec![3, 1, 2]]);
    let number = prop_oneof![-200.0f64..200.0, -1e6f64..1e6, prop::num::f64::ANY];
    let label_kind = prop::sample::select(vec![0x08u8, 0x09, 0x0b, 0x0c]);
    let counts = (1usize..5, 0i32..4);
    (
        kind(),
        sample,
        prop::collection::vec(number, 24),
        label_kind,
        counts,
    )
        .prop_map(|(kind, sample, numbers, label_kind, (count, first))| {
            let dimensions = [vec![count as u32], sample].concat();
            let features = values(kind, &numbers[..count * FEATURES]);
            let classes: Vec<f64> = (0..count)
                .map(|at| f64::from(first) + (at % CLASSES) as f64)
                .collect();
            let labels = file(label_kind, &[count as u32], &values(label_kind, &classes));
            (file(kind, &dimensions, &features), labels, first)
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn written_files_are_read_back(files in files()) {
        let (features, labels, first) = files;
        // All are accepted except those with a non-finite value: the oracle compares values.
        let is_read = is_read(&features, &labels, first);
        prop_assert!(is_read || features[2] >= 0x0d);
        let packed = Dataset::<Features<FEATURES>, Classes<CLASSES>>::from_idx_bytes(&gzip(&features), &gzip(&labels), first);
        prop_assert_eq!(packed.is_ok(), is_read);
    }

    #[test]
    fn every_truncation_is_rejected(files in files()) {
        let (features, labels, first) = files;
        for cut in 0..features.len() {
            prop_assert!(!is_read(&features[..cut], &labels, first));
        }
        for cut in 0..labels.len() {
            prop_assert!(!is_read(&features, &labels[..cut], first));
        }
        let packed = gzip(&features);
        for cut in 0..packed.len() {
            prop_assert!(!is_read(&packed[..cut], &labels, first));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        features in prop::collection::vec(any::<u8>(), 0..64),
        labels in prop::collection::vec(any::<u8>(), 0..64),
        is_packed in any::<bool>(),
    ) {
        let head: &[u8] = if is_packed { &[0x1f, 0x8b] } else { &[0, 0] };
        is_read(&[head, &features].concat(), &labels, 0);
        is_read(&features, &[head, &labels].concat(), 0);
    }
}

proptest! {
    // Each case has thousands of changed files.
    #![proptest_config(cases(64))]

    #[test]
    fn every_byte_of_a_header_is_checked(files in files()) {
        let (features, labels, first) = files;
        let header = |file: &[u8]| 4 + 4 * usize::from(file[3]);
        for byte in 0..=u8::MAX {
            for at in 0..header(&features) {
                let mut changed = features.clone();
                changed[at] = byte;
                // Compares with the oracle: a changed type of the same size may be valid.
                is_read(&changed, &labels, first);
            }
            for at in 0..header(&labels) {
                let mut changed = labels.clone();
                changed[at] = byte;
                is_read(&features, &changed, first);
            }
        }
    }
}
