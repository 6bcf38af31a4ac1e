//! [`Dataset::write_safetensors`]: a file of samples, written record by record.

use std::{
    io::{self, BufWriter, IntoInnerError, Seek, SeekFrom, Write},
    marker::PhantomData,
    path::Path,
};

use safetensors::{
    Dtype,
    tensor::{Metadata, TensorInfo},
};

use super::{
    Dataset,
    check::{check_features, check_finite, check_label, check_widths, mismatch},
    map_safetensors::{FEATURES, LABELS, LENGTH, TARGETS},
};
use crate::{
    atomic_file::Part,
    checksum::little_endian,
    error::{Error, Result},
    shape::Shape,
    target::{Target, TargetValue},
};

/// The bytes before the features: room for the header, which has their number and is written last. Features then begin on a
/// page.
const BEFORE: usize = 4096;
/// The bytes that are written at a time.
const BUFFER: usize = 1 << 20;

impl<S: Shape, T: Target> Dataset<S, T> {
    /// Writes a `.safetensors` file for [`Dataset::map_safetensors`], one sample per record, and returns their number:
    /// `sample` gives its features and its target, as for [`from_records`](Dataset::from_records). Features are `F32`.
    ///
    /// Only targets are kept in memory until the end, so the file may be larger than memory. It is written to a
    /// temporary file in the same folder, which replaces `path` when it is complete: whoever has mapped an earlier file
    /// keeps that one.
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::Values};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("sines.safetensors");
    /// type Sines = Dataset<Features<1>, Values<1>>;
    /// let angles = (0..1000).map(|at| Ok(at as f32 / 100.0)); // or the records of a `Csv`
    /// assert_eq!(Sines::write_safetensors(&path, angles, |angle| ([angle], [angle.sin()]))?, 1000);
    ///
    /// let data = Sines::map_safetensors(&path)?;
    /// assert_eq!((data.len(), data.sample(50)), (1000, Some([0.5])));
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// The first error of `records`; [`Error::Data`] as [`from_records`](Dataset::from_records); [`Error::Io`] when the file
    /// or its folder cannot be written.
    pub fn write_safetensors<R>(
        path: impl AsRef<Path>,
        records: impl IntoIterator<Item = Result<R>>,
        mut sample: impl FnMut(R) -> (S::Array, T::Item),
    ) -> Result<usize> {
        let mut file = Writer::<T>::new::<S>(path.as_ref(), Dtype::F32)?;
        for record in records {
            let (features, target) = sample(record?);
            let features = S::values(&features);
            check_features::<S>(file.len, features)?;
            file.push(&little_endian(features), &target)?;
        }
        file.finish(S::LEN)
    }

    /// As [`write_safetensors`](Dataset::write_safetensors), of samples of `S::LEN` bytes each, which are divided by 255
    /// when they are read: a quarter of the size.
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::Classes};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("digits.safetensors");
    /// type Images = Dataset<Features<784>, Classes<10>>;
    /// let digits = Digits::new(1);
    /// let records = (0..100).map(|at| Ok(digits.image(at)));
    /// Images::write_safetensors_bytes(&path, records, |(pixels, label)| (pixels, label.into()))?;
    /// assert_eq!(Images::map_safetensors(&path)?.sha256(), digits.dataset::<Features<784>>(0..100)?.sha256());
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`write_safetensors`](Dataset::write_safetensors); [`Error::Data`] for another number of bytes.
    pub fn write_safetensors_bytes<R, B: AsRef<[u8]>>(
        path: impl AsRef<Path>,
        records: impl IntoIterator<Item = Result<R>>,
        mut sample: impl FnMut(R) -> (B, T::Item),
    ) -> Result<usize> {
        let mut file = Writer::<T>::new::<S>(path.as_ref(), Dtype::U8)?;
        for record in records {
            let (bytes, target) = sample(record?);
            let bytes = bytes.as_ref();
            if bytes.len() != S::LEN {
                let expected = format!("{} bytes", S::LEN);
                return Err(mismatch(Some(file.len), expected, bytes.len()));
            }
            file.push(bytes, &target)?;
        }
        file.finish(S::LEN)
    }
}

/// A file that is being written.
struct Writer<'a, T> {
    path: &'a Path,
    file: BufWriter<Part>,
    dtype: Dtype,
    /// The samples so far.
    len: usize,
    /// Their targets, as the file has them after the features.
    targets: Vec<u8>,
    /// Their name and dtype.
    kind: (&'static str, Dtype),
    target: PhantomData<fn() -> T>,
}

impl<'a, T: Target> Writer<'a, T> {
    fn new<S: Shape>(path: &'a Path, dtype: Dtype) -> Result<Self> {
        check_widths::<S, T>()?;
        let part = Part::new(path).map_err(|why| unwritable(path, why))?;
        let mut file = BufWriter::with_capacity(BUFFER, part);
        file.write_all(&[b' '; BEFORE])
            .map_err(|why| unwritable(path, why))?;
        Ok(Writer {
            path,
            file,
            dtype,
            len: 0,
            targets: Vec::new(),
            kind: (LABELS, Dtype::U8),
            target: PhantomData,
        })
    }

    fn push(&mut self, features: &[u8], target: &T::Item) -> Result<()> {
        match T::value(target) {
            TargetValue::Label(label) => {
                let label = check_label(T::Output::LEN, label, self.len)?;
                self.targets.push(label);
            }
            TargetValue::Values(values) => {
                check_finite("targets", self.len, values.len(), values)?;
                self.kind = (TARGETS, Dtype::F32);
                self.targets.extend(little_endian(values));
            }
            TargetValue::MultiLabel(labels) => {
                self.kind = (LABELS, Dtype::BOOL);
                self.targets
                    .extend(labels.iter().map(|&is_set| u8::from(is_set)));
            }
        }
        self.file
            .write_all(features)
            .map_err(|why| unwritable(self.path, why))?;
        self.len += 1;
        Ok(())
    }

    /// Writes targets and header, and gives the file its name.
    fn finish(mut self, width: usize) -> Result<usize> {
        let len = self.len;
        if len == 0 {
            return Err(mismatch(None, "one sample or more", "none"));
        }
        if u32::try_from(len).is_err() {
            return Err(mismatch(None, format!("at most {} samples", u32::MAX), len));
        }
        let header = self.header(width)?;
        let length = ((BEFORE - LENGTH) as u64).to_le_bytes();
        let write = || {
            self.file.write_all(&self.targets)?;
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&[&length[..], &header].concat())?;
            let part = self.file.into_inner().map_err(IntoInnerError::into_error)?;
            part.persist()
        };
        write().map_err(|why| unwritable(self.path, why))?;
        Ok(len)
    }

    /// The names, dtypes, shapes and places of the tensors, as JSON. The spaces that follow are part of the header.
    fn header(&self, width: usize) -> Result<Vec<u8>> {
        let (name, dtype) = self.kind;
        let shape = match dtype {
            Dtype::U8 => vec![self.len],
            _ => vec![self.len, T::Output::LEN],
        };
        let end = self.len * width * self.dtype.bitsize() / 8;
        let features = TensorInfo {
            dtype: self.dtype,
            shape: vec![self.len, width],
            data_offsets: (0, end),
        };
        let targets = TensorInfo {
            dtype,
            shape,
            data_offsets: (end, end + self.targets.len()),
        };
        let tensors = vec![(FEATURES.to_owned(), features), (name.to_owned(), targets)];
        let json = Metadata::new(None, tensors).map_err(io::Error::other);
        let json = json.and_then(|metadata| Ok(serde_json::to_vec(&metadata)?));
        json.map_err(|why| unwritable(self.path, why))
    }
}

fn unwritable(path: &Path, why: io::Error) -> Error {
    Error::unwritable(path, "write", why)
}
