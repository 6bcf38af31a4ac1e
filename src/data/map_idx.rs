//! [`Dataset::map_idx`]: features that stay in their idx file.

use std::path::Path;

use super::{
    Dataset, FeatureValues, Storage, Targets,
    check::check_tokens,
    idx::{Header, Kind},
    idx_dataset::{check_features, open_labels},
    io_error::bad,
    mapped::{Mapped, MappedFile},
    source::GZIP,
};
use crate::{error::Result, shape::Shape, target::Classes};

impl<S: Shape, const C: usize> Dataset<S, Classes<C>> {
    /// As [`Dataset::from_idx`], with features that stay in their file, which may be larger than memory: the system reads
    /// them when they are used. It is a raw file of bytes (u8), which are divided by 255. Labels are read into memory, one
    /// byte each.
    ///
    /// What [`Dataset::map_safetensors`] says about such a file is true of this one.
    ///
    /// ```
    /// use tuplenet::{prelude::*, shape::Features, target::Classes};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let [images, labels] = ["images", "labels"].map(|name| folder.path().join(name));
    /// # std::fs::write(&images, [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 102, 255, 0])?;
    /// # std::fs::write(&labels, [0, 0, 8, 1, 0, 0, 0, 2, 2, 0])?;
    /// // Two images of 1 × 2 bytes, with the labels 2 and 0.
    /// let data = Dataset::<Features<2>, Classes<3>>::map_idx(&images, &labels)?;
    /// assert_eq!((data.sample(1), data.label(0)), (Some([1.0, 0.0]), Some(2)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Dataset::from_idx`]; [`Error::DataFile`](crate::Error::DataFile), too, for a gzip file, for values that are not
    /// bytes, and for a file that another process has locked to write it.
    pub fn map_idx(features: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Self> {
        let (path, labels) = (features.as_ref(), labels.as_ref());
        let classes = open_labels::<C>(labels, 0)?;
        let file = MappedFile::open(path)?;
        let mut bytes = file.bytes();
        if bytes.starts_with(&GZIP) {
            let remedy =
                "decompress it with `gunzip`, or read it into memory with `Dataset::from_idx`";
            return Err(bad(path, Some(0), "a raw idx file", "a gzip file", remedy));
        }
        let header = Header::read(path, &mut bytes)?;
        check_features::<S>(path, &header, classes.len())?;
        if header.kind != Kind::U8 {
            let found = format!("{} of big-endian byte order", header.kind.name());
            let remedy = "read it into memory with `Dataset::from_idx`, or write it with `Dataset::write_safetensors`";
            return Err(bad(path, Some(2), "values of type u8", found, remedy));
        }
        let (begin, end) = (header.bytes.len(), file.bytes().len());
        if header.value_bytes() != (end - begin) as u128 {
            let expected = format!("{} values of type u8 after the header", header.shape());
            let found = format!("{} bytes", end - begin);
            let remedy =
                "download the file again from the publisher of the data set, or write it again";
            return Err(bad(path, Some(begin as u64), expected, found, remedy));
        }
        let scale = 1.0 / 255.0;
        check_tokens::<S>(0, bytes.iter().map(|&byte| f32::from(byte) * scale))?;
        let bytes = Storage::in_file(Mapped::new(&file, begin..end)?);
        Self::new(
            end - begin,
            classes.len(),
            FeatureValues::Bytes { bytes, scale },
            Targets::Labels(classes),
        )
    }
}
