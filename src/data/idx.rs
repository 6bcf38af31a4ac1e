//! Reads and checks idx files, the format of MNIST and of the data sets made in its image.
//!
//! An idx file is a header of big-endian 32-bit numbers, then its values with nothing between them
//! and nothing after. The first number, the magic number, is two zero bytes, the type of the values
//! (8: unsigned bytes) and the number of dimensions; the others are the dimensions, the outermost
//! first. So a file of images begins `0x00000803`, count, 28, 28, and a file of labels
//! `0x00000801`, count.
//!
//! The checks here are all that stands between a bad file and the crate `mnist`, which panics.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use super::io_error::refused;
use crate::error::{Error, Result};

/// Rows of an image, and columns.
pub(crate) const SIDE: usize = 28;
/// Magic number of a file of images: unsigned bytes in three dimensions.
const IMAGES: u32 = 0x803;
/// Magic number of a file of labels: unsigned bytes in one dimension.
const LABELS: u32 = 0x801;
/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The most bytes a file may hold, packed or unpacked; MNIST's largest has 47,040,016.
const LARGEST: u64 = 128 << 20;
/// What to do about contents that are not MNIST's.
const GET_AGAIN: &str = "get the file again from where the data set is published";

/// The contents of the file, unpacked if it is a gzip file by its first bytes, whatever its name.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    read_at_most(path, LARGEST)
}

fn read_at_most(path: &Path, largest: u64) -> Result<Vec<u8>> {
    let refused = || refused(path, "read", "see that it is a file that you can read");
    let kind = fs::metadata(path).map_err(refused())?;
    if !kind.is_file() {
        let found = if kind.is_dir() {
            "a folder"
        } else {
            "a device"
        };
        return Err(bad(path, None, "a file", found, "name the file itself"));
    }
    let file = File::open(path).map_err(refused())?;
    let bytes = to_end(file, largest).map_err(refused())?;
    within(path, &bytes, largest, "")?;
    if !bytes.starts_with(&GZIP) {
        return Ok(bytes);
    }
    let unpacked = to_end(MultiGzDecoder::new(bytes.as_slice()), largest).map_err(|why| {
        let found = format!("gzip data with a fault: {why}");
        bad(path, None, "gzip data whole to its end", found, GET_AGAIN)
    })?;
    within(path, &unpacked, largest, " when unpacked")?;
    Ok(unpacked)
}

/// All bytes of the source, or `largest + 1` of them.
fn to_end(source: impl Read, largest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(largest + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn within(path: &Path, bytes: &[u8], largest: u64, when: &str) -> Result<()> {
    if bytes.is_empty() {
        let found = format!("no bytes{when}");
        return Err(bad(path, None, "an idx file", found, GET_AGAIN));
    }
    if bytes.len() as u64 > largest {
        let (expected, found) = (format!("at most {largest} bytes{when}"), "more");
        return Err(bad(path, Some(largest), expected, found, GET_AGAIN));
    }
    Ok(())
}

/// Checks that the unpacked bytes are an idx file of so many images of 28 × 28 bytes.
pub(crate) fn check_images(path: &Path, bytes: &[u8], count: usize) -> Result<()> {
    let (rows, columns) = ((SIDE, "rows"), (SIDE, "columns"));
    check_form(path, bytes, IMAGES, &[(count, "images"), rows, columns])
}

/// Checks that the unpacked bytes are an idx file of so many labels, each below `classes`.
pub(crate) fn check_labels(path: &Path, bytes: &[u8], count: usize, classes: usize) -> Result<()> {
    check_form(path, bytes, LABELS, &[(count, "labels")])?;
    let mut labels = bytes.iter().enumerate().skip(8);
    let above = labels.find(|&(_, &label)| usize::from(label) >= classes);
    above.map_or(Ok(()), |(at, label)| {
        let (expected, found) = (format!("labels below {classes}"), format!("label {label}"));
        Err(bad(path, Some(at as u64), expected, found, GET_AGAIN))
    })
}

fn check_form(path: &Path, bytes: &[u8], magic: u32, dimensions: &[(usize, &str)]) -> Result<()> {
    let header = 4 * (1 + dimensions.len());
    let number = |at: usize| {
        let four = bytes.get(at..).and_then(|rest| rest.first_chunk());
        four.map(|&four| u32::from_be_bytes(four)).ok_or_else(|| {
            let expected = format!("a header of {header} bytes");
            let found = format!("{} bytes in all", bytes.len());
            bad(path, None, expected, found, GET_AGAIN)
        })
    };
    let found = number(0)?;
    if found != magic {
        let expected = format!("the magic number {}", magic_in_words(magic));
        let remedy = "see that the files' names have not been mixed up, or get the file again";
        return Err(bad(path, Some(0), expected, magic_in_words(found), remedy));
    }
    let mut length: u128 = 1;
    for (at, &(expected, what)) in (4..).step_by(4).zip(dimensions) {
        let found = number(at)?;
        if found as usize != expected {
            let (expected, found) = (format!("{expected} {what}"), format!("{found} {what}"));
            let remedy = "see that the training and test files have not been mixed up, \
                and that they are of a data set like MNIST";
            return Err(bad(path, Some(at as u64), expected, found, remedy));
        }
        length *= u128::from(found);
    }
    length += header as u128;
    if bytes.len() as u128 != length {
        let too_many = bytes.len() as u128 > length;
        let what = ["the file's end", "bytes too many"][usize::from(too_many)];
        let at = length.min(bytes.len() as u128) as u64;
        let expected = format!("{length} bytes in all");
        let found = format!("{what}: {} bytes", bytes.len());
        return Err(bad(path, Some(at), expected, found, GET_AGAIN));
    }
    Ok(())
}

fn magic_in_words(magic: u32) -> String {
    match magic {
        IMAGES => format!("{magic:#010x} (a file of images)"),
        LABELS => format!("{magic:#010x} (a file of labels)"),
        _ => format!("{magic:#010x}"),
    }
}

/// The error for contents that are not as they should be.
pub(crate) fn bad(
    path: &Path,
    offset: Option<u64>,
    expected: impl Into<String>,
    found: impl Into<String>,
    remedy: &'static str,
) -> Error {
    Error::DataFile {
        path: path.to_owned(),
        offset,
        expected: expected.into(),
        found: found.into(),
        remedy,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
pub(crate) mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn numbers(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|it| it.to_be_bytes()).collect()
    }

    pub(crate) fn images(count: usize) -> Vec<u8> {
        let mut bytes = numbers(&[0x803, count as u32, 28, 28]);
        bytes.extend((0..count * 784).map(|at| (at % 251) as u8));
        bytes
    }

    pub(crate) fn labels(count: usize) -> Vec<u8> {
        let mut bytes = numbers(&[0x801, count as u32]);
        bytes.extend((0..count).map(|at| (at % 10) as u8));
        bytes
    }

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    }

    fn read_bytes(bytes: &[u8], largest: u64) -> Result<Vec<u8>, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let name = file.path().display().to_string();
        read_at_most(file.path(), largest).map_err(|error| {
            assert!(error.to_string().starts_with(&name), "{error}");
            error.to_string()
        })
    }

    fn path() -> &'static Path {
        Path::new("a file")
    }

    #[test]
    fn raw_and_gzip_are_read_and_bad_files_named_with_their_fault() {
        assert_eq!(read_bytes(&labels(9), 99).unwrap(), labels(9));
        assert_eq!(read_bytes(&gzip(&labels(9)), 99).unwrap(), labels(9));
        let fault = |bytes: &[u8]| read_bytes(bytes, 1000).unwrap_err();
        let packed = gzip(&images(1));
        assert!(fault(&[]).contains("found no bytes;"));
        assert!(fault(&gzip(&[])).contains("found no bytes when unpacked;"));
        assert!(fault(&packed[..packed.len() / 2]).contains("gzip data with a fault"));
        assert!(fault(&gzip(&[0; 1001])).contains("at most 1000 bytes when unpacked"));
        assert!(fault(&[0; 1001]).contains("at most 1000 bytes, found more"));
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("found a folder"));
        let missing = read(&folder.path().join("gone")).unwrap_err().to_string();
        assert!(missing.contains("gone: cannot read") && missing.contains("see that it is"));
    }

    #[test]
    fn faults_of_form_are_told_in_words() {
        let images_fault = |bytes: &[u8]| check_images(path(), bytes, 2).unwrap_err().to_string();
        let labels_fault =
            |bytes: &[u8]| check_labels(path(), bytes, 2, 10).unwrap_err().to_string();
        check_images(path(), &images(2), 2).unwrap();
        check_labels(path(), &labels(2), 2, 10).unwrap();
        assert!(images_fault(&labels(2)).contains("0x00000801 (a file of labels) (byte 0)"));
        assert!(labels_fault(&images(2)).contains("0x00000803 (a file of images) (byte 0)"));
        assert!(images_fault(&images(3)).contains("expected 2 images, found 3 images (byte 4)"));
        assert!(images_fault(&images(2)[..10]).contains("header of 16 bytes, found 10 bytes"));
        assert!(images_fault(&images(2)[..99]).contains("the file's end: 99 bytes (byte 99)"));
        let narrow = numbers(&[0x803, 2, 28, 27]);
        assert!(images_fault(&narrow).contains("expected 28 columns, found 27 columns (byte 12)"));
        let longer = [labels(2), vec![0]].concat();
        assert!(labels_fault(&longer).contains("10 bytes in all, found bytes too many: 11 bytes"));
        let above = [numbers(&[0x801, 2]), vec![9, 10]].concat();
        assert!(labels_fault(&above).contains("labels below 10, found label 10 (byte 9)"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn only_files_of_the_form_are_accepted(
            head in prop_oneof![
                Just(vec![]), Just(numbers(&[0x801, 2])), Just(numbers(&[0x803, 0, 28, 28])),
            ],
            tail in prop::collection::vec(any::<u8>(), 0..24),
            count in 0usize..4,
        ) {
            let bytes = [head, tail].concat();
            let is_images = bytes == [numbers(&[0x803, count as u32, 28, 28]),
                bytes.get(16..).unwrap_or_default().to_vec()].concat()
                && bytes.len() == 16 + 784 * count;
            let is_labels = bytes.strip_prefix(numbers(&[0x801, count as u32]).as_slice())
                .is_some_and(|rest| rest.len() == count && rest.iter().all(|&label| label < 10));
            prop_assert_eq!(check_images(path(), &bytes, count).is_ok(), is_images);
            prop_assert_eq!(check_labels(path(), &bytes, count, 10).is_ok(), is_labels);
        }

        #[test]
        fn a_changed_header_or_length_is_refused(at in 0usize..16, to in any::<u8>(), cut in 0usize..1584) {
            let good = images(2);
            prop_assert!(check_images(path(), &good[..cut], 2).is_err());
            let mut changed = good.clone();
            changed[at] = to;
            prop_assert_eq!(check_images(path(), &changed, 2).is_ok(), changed == good);
        }

        #[test]
        fn arbitrary_and_damaged_gzip_never_panics(
            noise in prop::collection::vec(any::<u8>(), 0..64), at in 0usize..30, bit in 0u8..8,
        ) {
            let _ = read_bytes(&[&GZIP[..], &noise].concat(), 4096);
            let mut packed = gzip(&labels(9));
            let at = at % packed.len();
            packed[at] ^= 1 << bit;
            if let Ok(unpacked) = read_bytes(&packed, 4096) {
                // A bit of the gzip header that does not matter, or no gzip file any more.
                prop_assert!(unpacked == labels(9) || unpacked == packed);
            }
        }
    }
}
