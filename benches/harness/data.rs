//! The inputs that all contenders read: features, labels and initial weights, as files.

use std::{collections::BTreeMap, fs, ops::RangeInclusive, path::Path};

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rand_distr::Zipf;
use tuplenet::{
    Error,
    data::{Digits, FeatureValues, Mnist, Targets},
    shape::Features,
};

use super::{
    case::{Case, Values},
    network::{self, COUNTED, DIFFERENT, VOCABULARY, WORDS},
    served::Result,
};

/// The number of pixels of an image.
const PIXELS: usize = 784;
/// The seed of the random data, the built-in digits and the weights.
const SEED: u64 = 1;

/// The number of words of a text.
const LENGTHS: RangeInclusive<usize> = 8..=WORDS;
/// The same, of a text whose words are counted.
const COUNTED_LENGTHS: RangeInclusive<usize> = 60..=180;

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
                images: bytes.to_vec(),
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
            Values::Counts => format!(
                "ln(1 + n) for the words that a text of {} to {} has n times, by Zipf's law of {}",
                COUNTED_LENGTHS.start(),
                COUNTED_LENGTHS.end(),
                COUNTED - 1
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
        Values::Tokens => (texts(samples)?, labels(samples, case.widths[1])),
        Values::Counts => (counts(samples)?, labels(samples, case.widths[1])),
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

fn labels(samples: usize, classes: usize) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED + 1);
    let labels = (0..samples).map(|_| rng.random_range(0..classes) as u8);
    labels.collect()
}

/// Texts, padded with token 0. Words have the frequencies of those of a language: a batch reads some rows of a table many
/// times, and most of them not once.
fn texts(samples: usize) -> Result<Vec<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let words = Zipf::new((VOCABULARY - 1) as f64, 1.0)?;
    let mut tokens = vec![0.0; samples * WORDS];
    for text in tokens.chunks_exact_mut(WORDS) {
        let length = rng.random_range(LENGTHS);
        text[..length].fill_with(|| rng.sample(words) as f32);
    }
    Ok(tokens)
}

/// The different words of texts, padded with token 0, and a number for each: the logarithm of its count plus 1.
fn counts(samples: usize) -> Result<Vec<f32>> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let words = Zipf::new((COUNTED - 1) as f64, 1.0)?;
    let mut values = vec![0.0; samples * 2 * DIFFERENT];
    for sample in values.chunks_exact_mut(2 * DIFFERENT) {
        let length = rng.random_range(COUNTED_LENGTHS);
        let mut counts = BTreeMap::new();
        for _ in 0..length {
            *counts.entry(rng.sample(words) as u32).or_insert(0) += 1;
        }
        let (tokens, numbers) = sample.split_at_mut(DIFFERENT);
        for ((token, number), (word, count)) in tokens.iter_mut().zip(numbers).zip(counts) {
            (*token, *number) = (word as f32, (1.0 + f64::from(count)).ln() as f32);
        }
    }
    Ok(values)
}
