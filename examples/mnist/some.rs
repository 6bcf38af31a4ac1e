//! Some images of a data set.

use std::ops::Range;

use tuplenet::{
    Error, Result,
    data::{FeatureValues, MnistShape, Targets},
    prelude::*,
    target::Classes,
};

/// The images in `range`; those past the last one are left out.
pub fn some<S: MnistShape>(
    data: &Dataset<S, Classes<10>>,
    range: Range<usize>,
) -> Result<Dataset<S, Classes<10>>> {
    let (FeatureValues::Bytes { bytes, scale }, Targets::Labels(labels)) =
        (data.features(), data.targets())
    else {
        return Err(Error::Setting {
            setting: "images",
            expected: "images of bytes with labels".to_owned(),
            found: "other samples".to_owned(),
        });
    };
    let range = range.start..range.end.min(data.len());
    let bytes = &bytes[range.start * S::LEN..range.end * S::LEN];
    Dataset::from_bytes(bytes.to_vec(), *scale, labels[range].to_vec())
}
