//! The inputs that all contenders read: features, labels and initial weights, as files.

use std::{fs, ops::RangeInclusive, path::Path};

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rand_distr::Zipf;
use tuplenet::{
    Error,
    data::{Digits, FeatureValues, Mnist, Targets},
    shape::Features,
};

use super::{
    case::{Case, Values},
    network::{self, VOCABULARY, WORDS},
    served::Result,
};

/// The number of pixels of an image.
const PIXELS: usize = 784;
/// The seed of the random data, the built-in digits and the weights.
const SEED: u64 = 1;

/// The number of words of a text.
const LENGTHS: RangeInclusive<usize> = 8..=WORDS;

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
        match case.values {
            Values::Dense => "values from 0.1 to 1, none zero".to_owned(),
            Values::Pixels => format!("pixels of {}", self.name),
            Values::Tokens => format!(
                "texts of {} to {} words, by Zipf's law of {}",
                LENGTHS.start(),
                LENGTHS.end(),
                VOCABULARY - 1
            ),
        }
    }

    /// The pixels and labels of the first images.
    fn first(&self, count: usize) -> Result<(&[u8], &[u8])> {
        let pixels = self.images.get(..count * PIXELS);
        let first = pixels.zip(self.labels.get(..count));
        Ok(first.ok_or_else(|| {
            format!(
                "batch: expected at most {} images in all batches, found {count}",
                self.labels.len()
            )
        })?)
    }
}

/// Writes the files of a case, overwriting those of the previous one.
pub fn write(folder: &Path, case: &Case, source: &Source) -> Result<()> {
    let samples = case.batch * case.batches();
    let pixels = folder.join("pixels.u8");
    // tuplenet reads bytes if this file exists, else `features.f32`.
    if pixels.exists() {
        fs::remove_file(&pixels)?;
    }
    let (features, labels) = match case.values {
        Values::Pixels => {
            let (bytes, labels) = source.first(samples)?;
            fs::write(&pixels, bytes)?;
            let scaled = bytes.iter().map(|&byte| f32::from(byte) * (1.0 / 255.0));
            (scaled.collect(), labels.to_vec())
        }
        Values::Dense => {
            let (_, labels) = source.first(samples)?;
            (dense(samples * case.widths[0]), labels.to_vec())
        }
        Values::Tokens => texts(samples, case.widths[1])?,
    };
    let bytes: Vec<u8> = features
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    fs::write(folder.join("features.f32"), bytes)?;
    fs::write(folder.join("labels.u8"), labels)?;
    network::write(&case.network, SEED, folder)
}

fn dense(length: usize) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    (0..length).map(|_| rng.random_range(0.1..=1.0)).collect()
}

/// Texts, padded with token 0, and their classes. Words have the frequencies of those of a language: a batch reads some rows
/// of a table many times, and most of them not once.
fn texts(samples: usize, classes: usize) -> Result<(Vec<f32>, Vec<u8>)> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let words = Zipf::new((VOCABULARY - 1) as f64, 1.0)?;
    let mut tokens = vec![0.0; samples * WORDS];
    for text in tokens.chunks_exact_mut(WORDS) {
        let length = rng.random_range(LENGTHS);
        text[..length].fill_with(|| rng.sample(words) as f32);
    }
    let labels = (0..samples).map(|_| rng.random_range(0..classes) as u8);
    Ok((tokens, labels.collect()))
}
