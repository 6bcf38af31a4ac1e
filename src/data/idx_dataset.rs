//! [`Dataset::from_idx`]: a data set from two idx files, whose shape is given by the type.

use std::path::Path;

use super::{
    Dataset,
    idx::{Header, Idx, Kind},
    io_error::bad,
};
use crate::{error::Result, shape::Shape, target::Classes};

impl<S: Shape, const C: usize> Dataset<S, Classes<C>> {
    /// Reads a file of features and a file of labels, both in the idx format (that of MNIST), raw or gzip.
    ///
    /// The features have 1 to 4 dimensions: the number of samples, then dimensions whose product is `S::LEN`. Their
    /// dtype is u8, i8, i16, i32, f32 or f64. Bytes (u8) are grey values and are divided by 255, as by [`Mnist`](super::Mnist).
    /// Other values are not scaled; i32 and f64 are rounded to the nearest `f32`. The labels have one dimension, are
    /// integers, and start at 0.
    ///
    /// Values are in the order of the file: images of EMNIST are transposed, as published.
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::Classes};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let [images, labels] = ["images", "labels"].map(|name| folder.path().join(name));
    /// # std::fs::write(&images, [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 102, 255, 0])?;
    /// # std::fs::write(&labels, [0, 0, 8, 1, 0, 0, 0, 2, 2, 0])?;
    /// // Two images of 1 × 2 bytes, with the labels 2 and 0.
    /// let data = Dataset::<Features<2>, Classes<3>>::from_idx(&images, &labels)?;
    /// assert_eq!((data.sample(1), data.label(0)), (Some([1.0, 0.0]), Some(2)));
    ///
    /// let error = Dataset::<Features<2>, Classes<2>>::from_idx(&images, &labels).unwrap_err().to_string();
    /// assert!(error.contains("expected labels from 0 to 1, found label 2 of sample 0 (byte 8)"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if a file cannot be read; [`Error::DataFile`](crate::Error::DataFile), with path
    /// and offset, if a file is malformed, if samples do not have `S::LEN` features, if the numbers of samples and
    /// labels differ, or if a label is not below `C` or a value is not finite; [`Error::Data`](crate::Error::Data) if there
    /// are no samples.
    pub fn from_idx(features: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Self> {
        Self::from_idx_with_first_label(features, labels, 0)
    }

    /// As [`Dataset::from_idx`], with labels that start at `first_label`, which becomes class 0. The letters of EMNIST
    /// are labelled from 1 to 26:
    ///
    /// ```no_run
    /// use tuplenet::{prelude::*, shape::Features, target::Classes};
    ///
    /// let letters = Dataset::<Features<784>, Classes<26>>::from_idx_with_first_label(
    ///     "emnist-letters-train-images-idx3-ubyte.gz", // 124,800 images
    ///     "emnist-letters-train-labels-idx1-ubyte.gz",
    ///     1,
    /// )?;
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`Dataset::from_idx`].
    pub fn from_idx_with_first_label(
        features: impl AsRef<Path>,
        labels: impl AsRef<Path>,
        first_label: i32,
    ) -> Result<Self> {
        let (features, labels) = (features.as_ref(), labels.as_ref());
        let classes = open_labels::<C>(labels, first_label)?;
        let samples = Idx::open(features, |it| {
            check_features::<S>(features, it, classes.len())
        })?;
        assemble(features, samples, classes)
    }

    /// As [`Dataset::from_idx_with_first_label`], from the bytes of files, named `features` and `labels` in errors.
    ///
    /// # Errors
    /// As for [`Dataset::from_idx`].
    pub fn from_idx_bytes(features: &[u8], labels: &[u8], first_label: i32) -> Result<Self> {
        let (path, packed) = (Path::new("labels"), labels.len() as u64);
        let labels = Idx::read(path, labels, packed, |it| check_labels(path, it))?;
        let classes = read_labels::<C>(path, labels, first_label)?;
        let (path, packed) = (Path::new("features"), features.len() as u64);
        let check = |header: &Header| check_features::<S>(path, header, classes.len());
        let samples = Idx::read(path, features, packed, check)?;
        assemble(path, samples, classes)
    }
}

/// The classes in a file of labels.
pub(super) fn open_labels<const C: usize>(path: &Path, first: i32) -> Result<Vec<u8>> {
    let labels = Idx::open(path, |it| check_labels(path, it))?;
    read_labels::<C>(path, labels, first)
}

fn check_labels(path: &Path, header: &Header) -> Result<()> {
    let kind = header.kind;
    if header.dimensions.len() != 1 {
        let found = format!(
            "{} dimensions ({})",
            header.dimensions.len(),
            header.shape()
        );
        let remedy = "check that the files of features and labels are not swapped";
        return Err(bad(path, Some(3), "labels in one dimension", found, remedy));
    }
    if matches!(kind, Kind::F32 | Kind::F64) {
        let (expected, found) = ("labels of type u8, i8, i16 or i32", kind.name());
        return Err(bad(
            path,
            Some(2),
            expected,
            found,
            "write the labels as integers",
        ));
    }
    Ok(())
}

/// Checks that a header is that of `labels` samples of the shape.
pub(super) fn check_features<S: Shape>(path: &Path, header: &Header, labels: usize) -> Result<()> {
    let [samples, sample @ ..] = &header.dimensions[..] else {
        return Ok(()); // A header has at least one dimension.
    };
    let width = sample
        .iter()
        .fold(1, |all: u128, &it| all.saturating_mul(it.into()));
    if width != S::LEN as u128 {
        let found = format!("{width} ({} in all)", header.shape());
        let remedy =
            "read it as a data set of that many features, or check that the files are not swapped";
        let at = if sample.is_empty() { 3 } else { 8 };
        return Err(bad(
            path,
            Some(at),
            format!("samples of {} features", S::LEN),
            found,
            remedy,
        ));
    }
    if *samples as usize != labels {
        let expected = format!("{labels} samples, as many as there are labels");
        let remedy = "check that the training and test files are not swapped";
        return Err(bad(
            path,
            Some(4),
            expected,
            format!("{samples} samples"),
            remedy,
        ));
    }
    Ok(())
}

/// The classes of a label file whose header was checked.
fn read_labels<const C: usize>(path: &Path, idx: Idx, first: i32) -> Result<Vec<u8>> {
    let Idx { header, values } = idx;
    let size = header.kind.size();
    let labels = values.chunks_exact(size).map(|bytes| match *bytes {
        [byte] if header.kind == Kind::I8 => i64::from(byte.cast_signed()),
        [byte] => i64::from(byte),
        [a, b] => i64::from(i16::from_be_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_be_bytes([a, b, c, d])),
        _ => i64::MAX, // Integers have no other sizes.
    });
    let mut classes = Vec::with_capacity(values.len() / size);
    for (sample, label) in labels.enumerate() {
        let class = label - i64::from(first);
        match u8::try_from(class) {
            Ok(class) if usize::from(class) < C => classes.push(class),
            _ => {
                let last = i64::from(first) + C.min(256) as i64 - 1;
                let expected = format!("labels from {first} to {last}");
                let found = format!("label {label} of sample {sample}");
                let at = header.bytes.len() + sample * size;
                let remedy = "increase the data set's number of classes, or set the first label with \
                    `Dataset::from_idx_with_first_label` (EMNIST's letters start at 1)";
                return Err(bad(path, Some(at as u64), expected, found, remedy));
            }
        }
    }
    Ok(classes)
}

/// The data set of a feature file whose header was checked.
fn assemble<S: Shape, const C: usize>(
    path: &Path,
    idx: Idx,
    classes: Vec<u8>,
) -> Result<Dataset<S, Classes<C>>> {
    let Idx { header, values } = idx;
    if header.kind == Kind::U8 {
        return Dataset::from_bytes(values, 1.0 / 255.0, classes);
    }
    let size = header.kind.size();
    let numbers = values.chunks_exact(size).map(|bytes| match *bytes {
        [byte] => f32::from(byte.cast_signed()),
        [a, b] => f32::from(i16::from_be_bytes([a, b])),
        [a, b, c, d] if header.kind == Kind::I32 => i32::from_be_bytes([a, b, c, d]) as f32,
        [a, b, c, d] => f32::from_be_bytes([a, b, c, d]),
        [a, b, c, d, e, f, g, h] => f64::from_be_bytes([a, b, c, d, e, f, g, h]) as f32,
        _ => f32::NAN, // Values have no other sizes.
    });
    let numbers: Vec<f32> = numbers.collect();
    if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
        let found = format!(
            "{} in sample {}",
            numbers[at],
            at.checked_div(S::LEN).unwrap_or_default()
        );
        let offset = (header.bytes.len() + at * size) as u64;
        let remedy =
            "replace missing values, and values too large for f32, before writing the file";
        return Err(bad(path, Some(offset), "finite values", found, remedy));
    }
    drop(values);
    Dataset::from_values(numbers, classes)
}
