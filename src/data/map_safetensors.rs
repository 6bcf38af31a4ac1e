//! [`Dataset::map_safetensors`]: features that stay in a safetensors file.
//!
//! Dims: `n` samples of shape `S`, `N` target values or labels.

use std::{ops::Range, path::Path, sync::Arc};

use safetensors::{
    Dtype,
    tensor::{Metadata, TensorInfo},
};

use super::{
    Dataset, FeatureValues, Storage, Targets,
    check::{check_tokens, check_widths},
    io_error::bad,
    mapped::{Mapped, MappedFile},
    multi_label,
};
use crate::{
    error::{Error, Result},
    shape::Shape,
    target::{Classes, MultiLabel, Target, Values},
};

/// The tensors of a data set's file.
pub(super) const FEATURES: &str = "features";
pub(super) const LABELS: &str = "labels";
pub(super) const TARGETS: &str = "targets";
/// The bytes of the header's length, before it.
pub(super) const LENGTH: usize = 8;
/// The values whose finiteness is tested at a time.
const CHUNK: usize = 1024;
/// The remedy for a damaged file.
const WRITE_AGAIN: &str = "write the file again, for example with `Dataset::write_safetensors`";

impl<S: Shape, const C: usize> Dataset<S, Classes<C>> {
    /// Samples whose features stay in a `.safetensors` file, which may be larger than memory: the system reads them when
    /// they are used, and drops them when memory is short. All else is in memory.
    ///
    /// | tensor | shape | dtype |
    /// | --- | --- | --- |
    /// | `features` | `[n, ..]`, from the second dimension on `S::LEN` values | `U8`, each divided by 255, or `F32` |
    /// | `labels` for [`Classes<C>`](Classes) | `[n]`, below `C` | `U8`, `I32` or `I64` |
    /// | `targets` for [`Values<N>`](Values) | `[n, N]` | `F32` |
    /// | `labels` for [`MultiLabel<N>`](MultiLabel) | `[n, N]`, 0 and 1 | `U8` or `BOOL` |
    ///
    /// Other tensors are ignored. [`Dataset::write_safetensors`] writes such a file, record by record; so does any other
    /// program that writes safetensors. Classes with names are read as [`Classes<C>`](Classes), then
    /// [`named`](Dataset::named).
    ///
    /// **What reads the whole file.** Opening it does, if the features are `F32`: values must be finite; and each
    /// [`sha256`](Dataset::sha256), so each training with checkpoints or a run folder. Bytes are not read when it is opened.
    ///
    /// **Order.** By default an epoch is a random order of all samples, and a disk reads a page or more for each. If the file
    /// does not fit in memory, give the trainer [`Shuffle::Blocks`](crate::train::Shuffle::Blocks).
    ///
    /// **Memory.** A training has 4 to 8 bytes for each sample (its order), an evaluation the outputs of all its samples.
    /// [`Fused`](crate::engine::Fused) keeps no bitmap of a mapped file's zeros, as it does of `f32` in memory, but
    /// compares values with 0 as it reads them; results have the same bits. On a GPU, engines copy all features to its memory.
    /// [`split`](Dataset::split), [`folds`](Dataset::folds) and [`Augmented`](super::Augmented), which copy samples,
    /// return an error.
    ///
    /// **The file must not change while it is mapped.** If another process writes to it, samples change during the
    /// training; if it is truncated, reading what is gone ends this process by a signal (`SIGBUS` on Unix). So it has a shared
    /// advisory lock (`flock`) as long as a data set refers to it, which keeps out writers that ask for theirs; and programs
    /// should replace such a file by another, as everything in this crate that writes files does, and not write it in place.
    /// `chmod a-w` keeps other programs from doing so by mistake.
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::Classes, train::Shuffle};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("digits.safetensors");
    /// let digits = Digits::new(1);
    /// let records = (0..2000).map(|at| Ok(digits.image(at)));
    /// let byte_images = |(pixels, label): ([u8; 784], u8)| (pixels, label.into());
    /// Dataset::<Features<784>, Classes<10>>::write_safetensors_bytes(&path, records, byte_images)?;
    ///
    /// let data = Dataset::<Features<784>, Classes<10>>::map_safetensors(&path)?;
    /// let mut net = Fused::<(Linear<784, 10>,)>::new(Weights::init(1))?;
    /// Trainer::new(Adam::default()).shuffle(Shuffle::BLOCKS).fit(&mut net, &data)?;
    /// # assert!(net.evaluate(&data)?.accuracy() > 0.5);
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read; [`Error::DataFile`], with path and offset, when it is not such a file, when
    /// it is longer or shorter than its header says, for a value that is not finite or a label that is not below `C`, for `F32`
    /// features that do not begin at a multiple of 4 bytes or on a big-endian machine, and while another process has locked the
    /// file to write it; [`Error::Data`] when there are no samples, and for features that are no tokens where the shape has
    /// tokens.
    pub fn map_safetensors(path: impl AsRef<Path>) -> Result<Self> {
        map(path.as_ref(), |tensors, len| {
            let labels = tensors.get(LABELS, &[Dtype::U8, Dtype::I32, Dtype::I64])?;
            labels.check_shape(&[len])?;
            labels.classes(C).map(Targets::Labels)
        })
    }
}

impl<S: Shape, const N: usize> Dataset<S, Values<N>> {
    /// Samples whose features stay in a `.safetensors` file, with `N` target values each, the tensor `targets`: see
    /// [`Dataset::<S, Classes<C>>::map_safetensors`](Dataset#method.map_safetensors).
    ///
    /// # Errors
    /// As there; [`Error::DataFile`] for a target value that is not finite.
    pub fn map_safetensors(path: impl AsRef<Path>) -> Result<Self> {
        map(path.as_ref(), |tensors, len| {
            let targets = tensors.get(TARGETS, &[Dtype::F32])?;
            targets.check_shape(&[len, N])?;
            let (values, _) = targets.bytes().as_chunks();
            let values: Vec<f32> = values
                .iter()
                .map(|&bytes| f32::from_le_bytes(bytes))
                .collect();
            targets.check_finite(&values)?;
            Ok(Targets::Values(values))
        })
    }
}

impl<S: Shape, const N: usize> Dataset<S, MultiLabel<N>> {
    /// Samples whose features stay in a `.safetensors` file, each with some of `N` labels, the tensor `labels`: see
    /// [`Dataset::<S, Classes<C>>::map_safetensors`](Dataset#method.map_safetensors).
    ///
    /// # Errors
    /// As there; [`Error::DataFile`] for a label that is not 0 or 1.
    pub fn map_safetensors(path: impl AsRef<Path>) -> Result<Self> {
        map(path.as_ref(), |tensors, len| {
            let labels = tensors.get(LABELS, &[Dtype::BOOL, Dtype::U8])?;
            labels.check_shape(&[len, N])?;
            let bytes = labels.bytes();
            if let Some(at) = bytes.iter().position(|&byte| byte > 1) {
                let found = format!("{} of sample {}", bytes[at], at / N.max(1));
                return Err(labels.wrong_value(at, "labels of 0 and 1", found));
            }
            let rows = bytes.chunks(N.max(1));
            let rows = rows.map(|row| row.iter().map(|&byte| byte == 1).collect::<Vec<_>>());
            let bits = rows.flat_map(|row| multi_label::bytes(&row).collect::<Vec<_>>());
            Ok(Targets::MultiLabels(bits.collect()))
        })
    }
}

/// A data set of the file's features and of the targets that `targets` reads, of that many samples.
fn map<S: Shape, T: Target>(
    path: &Path,
    targets: impl FnOnce(&Tensors, usize) -> Result<Targets>,
) -> Result<Dataset<S, T>> {
    check_widths::<S, T>()?;
    let tensors = Tensors::open(path)?;
    let features = tensors.get(FEATURES, &[Dtype::U8, Dtype::F32])?;
    let [len, sample @ ..] = &features.info.shape[..] else {
        return Err(features.wrong_shape("samples in the first dimension"));
    };
    // The header's sizes are those of the file, so the product does not overflow.
    let width: usize = sample.iter().product();
    if width != S::LEN {
        return Err(features.wrong_shape(format!("samples of {} features", S::LEN)));
    }
    let targets = targets(&tensors, *len)?;
    let values = len * width;
    let file = &tensors.file;
    let features = match features.info.dtype {
        Dtype::U8 => {
            let (bytes, scale): (Storage<u8>, f32) = (
                Storage::in_file(Mapped::new(file, features.place)?),
                1.0 / 255.0,
            );
            check_tokens::<S>(0, bytes.iter().map(|&byte| f32::from(byte) * scale))?;
            FeatureValues::Bytes { bytes, scale }
        }
        _ if cfg!(target_endian = "big") => {
            let (expected, found) = (
                "a little-endian machine for features of F32",
                "a big-endian one",
            );
            return Err(bad(
                path,
                None,
                expected,
                found,
                "write the features as U8, or read them into memory",
            ));
        }
        _ => {
            let mapped: Storage<f32> = Storage::in_file(Mapped::new(file, features.place.clone())?);
            features.check_finite(&mapped)?;
            check_tokens::<S>(0, mapped.iter().copied())?;
            FeatureValues::Values(mapped)
        }
    };
    Dataset::new(values, *len, features, targets)
}

/// A mapped file whose header was checked.
struct Tensors {
    file: Arc<MappedFile>,
    metadata: Metadata,
    /// Where the tensors begin, in bytes.
    begin: usize,
}

impl Tensors {
    fn open(path: &Path) -> Result<Self> {
        let file = MappedFile::open(path)?;
        let bytes = file.bytes();
        let refused = |at, expected: String, found: String| {
            Err(bad(path, Some(at), expected, found, WRITE_AGAIN))
        };
        let length = bytes
            .first_chunk()
            .map(|&length| u64::from_le_bytes(length));
        let header = length.and_then(|length| {
            let end = LENGTH.checked_add(usize::try_from(length).ok()?)?;
            bytes.get(LENGTH..end)
        });
        let Some(header) = header else {
            let expected = match length {
                Some(length) => format!("a safetensors file with a header of {length} bytes"),
                None => format!(
                    "a safetensors file, which begins with its header's length in {LENGTH} bytes"
                ),
            };
            return refused(0, expected, format!("{} bytes in all", bytes.len()));
        };
        // This checks that tensors follow one another and have the sizes of their shapes.
        let metadata: Metadata = match serde_json::from_slice(header) {
            Ok(metadata) => metadata,
            Err(why) => {
                return refused(
                    LENGTH as u64,
                    "a safetensors header".to_owned(),
                    why.to_string(),
                );
            }
        };
        let begin = LENGTH + header.len();
        let (expected, found) = (metadata.data_len(), bytes.len() - begin);
        if expected != found {
            let expected = format!("{expected} bytes of tensors after the header");
            return refused(begin as u64, expected, format!("{found} bytes"));
        }
        Ok(Tensors {
            file,
            metadata,
            begin,
        })
    }

    /// The tensor of this name, which must have one of the dtypes.
    fn get(&self, name: &'static str, dtypes: &[Dtype]) -> Result<Tensor<'_>> {
        let Some(info) = self.metadata.info(name) else {
            let mut names: Vec<String> = self.metadata.offset_keys();
            names.truncate(8);
            let (expected, found) = (format!("a tensor `{name}`"), format!("{names:?}"));
            return Err(bad(
                &self.file.path,
                None,
                expected,
                found,
                "name the tensors `features`, and `labels` or `targets`",
            ));
        };
        let tensor = Tensor {
            name,
            info,
            place: self.begin + info.data_offsets.0..self.begin + info.data_offsets.1,
            file: &self.file,
        };
        if !dtypes.contains(&info.dtype) {
            let expected: Vec<String> = dtypes.iter().map(Dtype::to_string).collect();
            let expected = format!("`{name}` of dtype {}", expected.join(" or "));
            let remedy = "convert the values before writing the file, as with numpy's `astype`";
            return Err(tensor.refused(0, expected, info.dtype.to_string(), remedy));
        }
        Ok(tensor)
    }
}

/// A tensor in a mapped file.
struct Tensor<'a> {
    name: &'static str,
    info: &'a TensorInfo,
    /// In bytes of the file.
    place: Range<usize>,
    file: &'a MappedFile,
}

impl Tensor<'_> {
    fn bytes(&self) -> &[u8] {
        // The header's sizes are those of the file.
        self.file
            .bytes()
            .get(self.place.clone())
            .unwrap_or_default()
    }

    fn check_shape(&self, shape: &[usize]) -> Result<()> {
        // one value for each sample has no dimension of its own
        let is_column = |found: &[usize]| shape == [found, &[1]].concat();
        if self.info.shape == shape || is_column(&self.info.shape) {
            return Ok(());
        }
        Err(self.wrong_shape(format!("{shape:?}, one row for each sample")))
    }

    fn check_finite(&self, values: &[f32]) -> Result<()> {
        let is_finite = |values: &[f32]| {
            values
                .iter()
                .fold(true, |all, value| all & value.is_finite())
        };
        let Some(chunk) = values.chunks(CHUNK).position(|values| !is_finite(values)) else {
            return Ok(());
        };
        let first = chunk * CHUNK;
        let wrong = values[first..].iter().position(|value| !value.is_finite());
        let at = first + wrong.unwrap_or_default();
        let of_sample = values.len() / self.info.shape.first().copied().unwrap_or(1).max(1);
        let found = format!("{} in sample {}", values[at], at / of_sample.max(1));
        Err(self.wrong_value(at * size_of::<f32>(), "finite values", found))
    }

    /// The labels, below `classes`.
    fn classes(&self, classes: usize) -> Result<Vec<u8>> {
        let size = self.info.dtype.bitsize() / 8;
        let labels = self.bytes().chunks_exact(size).map(|bytes| match *bytes {
            [byte] => i64::from(byte),
            [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
            _ => i64::MAX, // The dtypes have no other sizes.
        });
        let label = |(sample, label): (usize, i64)| match u8::try_from(label) {
            Ok(class) if usize::from(class) < classes => Ok(class),
            _ => {
                let expected = format!("labels from 0 to {}", classes.min(256) as i64 - 1);
                let found = format!("label {label} of sample {sample}");
                Err(self.wrong_value(sample * size, expected, found))
            }
        };
        labels.enumerate().map(label).collect()
    }

    fn wrong_shape(&self, expected: impl Into<String>) -> Error {
        let (expected, found) = (expected.into(), format!("{:?}", self.info.shape));
        let remedy = "read it as a data set of that shape, or write the file again";
        self.refused(0, format!("`{}` of {expected}", self.name), found, remedy)
    }

    /// The error of the value `at` bytes from the tensor's begin.
    fn wrong_value(&self, at: usize, expected: impl Into<String>, found: String) -> Error {
        let remedy = "correct the values before writing the file, or read it as a data set with more classes";
        self.refused(
            at,
            format!("`{}`: {}", self.name, expected.into()),
            found,
            remedy,
        )
    }

    fn refused(&self, at: usize, expected: String, found: String, remedy: &'static str) -> Error {
        let at = (self.place.start + at) as u64;
        bad(&self.file.path, Some(at), expected, found, remedy)
    }
}
