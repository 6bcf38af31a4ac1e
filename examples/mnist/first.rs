//! The first images of a data set.

use tuplenet::{
    Error, Result,
    data::{FeatureValues, MnistShape, Targets},
    prelude::*,
    target::Classes,
};

/// The first `images` of `data`, or all if there are fewer.
pub fn first<S: MnistShape>(
    data: &Dataset<S, Classes<10>>,
    images: usize,
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
    let images = images.min(data.len());
    Dataset::from_bytes(
        bytes[..images * S::LEN].to_vec(),
        *scale,
        labels[..images].to_vec(),
    )
}
