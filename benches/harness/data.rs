//! The inputs that all contenders read: features, labels and initial weights, as files.

use std::{fs, path::Path};

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use tuplenet::{
    Error,
    data::{Digits, FeatureValues, Mnist, Targets},
    shape::Features,
};

use super::{case::Case, network, served::Result};

/// The number of pixels of an image.
const PIXELS: usize = 784;
/// The seed of the random data, the built-in digits and the weights.
const SEED: u64 = 1;

/// Images that samples are taken from.
pub struct Source {
    pub name: &'static str,
    images: Vec<u8>,
    labels: Vec<u8>,
}

impl Source {
    /// MNIST if it is found, else the built-in digits.
    pub fn find() -> Result<Self> {
        let mnist = match Mnist::find() {
            Ok(mnist) => mnist,
            Err(Error::DataNotFound { .. }) => {
                let (images, labels) = Digits::new(SEED).images(0..60_000);
                let name = "built-in digits (set TUPLENET_MNIST for MNIST)";
                return Ok(Source {
                    name,
                    images,
                    labels,
                });
            }
            Err(error) => return Err(error.into()),
        };
        let (train, _) = mnist.load::<Features<784>>()?;
        match (train.features(), train.targets()) {
            (FeatureValues::Bytes { bytes, .. }, Targets::Labels(labels)) => Ok(Source {
                name: "MNIST",
                images: bytes.clone(),
                labels: labels.clone(),
            }),
            _ => Err("MNIST: expected bytes and labels".into()),
        }
    }

    /// Describes the features of a case.
    pub fn describe(&self, case: &Case) -> String {
        match case.dense {
            true => "values from 0.1 to 1, none zero".to_owned(),
            false => format!("pixels of {}", self.name),
        }
    }
}

/// Writes the files of a case, overwriting those of the previous one.
pub fn write(folder: &Path, case: &Case, source: &Source) -> Result<()> {
    let samples = case.batch * case.batches();
    let length = samples * case.widths[0];
    let pixels = folder.join("pixels.u8");
    let features: Vec<f32> = if case.dense {
        // tuplenet reads bytes if this file exists, else `features.f32`.
        if pixels.exists() {
            fs::remove_file(&pixels)?;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        (0..length).map(|_| rng.random_range(0.1..=1.0)).collect()
    } else {
        let bytes = source.images.get(..samples * PIXELS);
        let bytes = bytes.ok_or_else(|| {
            format!(
                "batch: expected at most {} images in all batches, found {samples}",
                source.labels.len()
            )
        })?;
        fs::write(&pixels, bytes)?;
        let scaled = bytes.iter().map(|&byte| f32::from(byte) * (1.0 / 255.0));
        scaled.collect()
    };
    let bytes: Vec<u8> = features
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    fs::write(folder.join("features.f32"), bytes)?;
    let labels = source.labels.get(..samples);
    let labels = labels.ok_or_else(|| {
        format!(
            "batch: expected at most {} labels in all batches, found {samples}",
            source.labels.len()
        )
    })?;
    fs::write(folder.join("labels.u8"), labels)?;
    network::write(&case.network, SEED, folder)
}
