//! An uploaded data set: the samples, and which of their features are non-zero if these are few.

use std::{fmt, ops::Range, sync::Arc};

use rayon::prelude::*;

use crate::{
    data::{FeatureValues, Samples},
    engine::{
        fused::{
            kernels::{self, NonzeroBits, Rows, Simd, SparseBatch, Values, WORD, dispatch},
            program::takes_bitmaps,
        },
        run::of_another_network,
    },
    error::Result,
    network::Network,
    shape::Shape,
};

/// The fraction of non-zero features at and above which the dense product is used.
///
/// A sparse product reaches two thirds of the FLOP/s of a dense one, so it would win up to 67 %; the
/// difference pays for finding the non-zero features.
pub(crate) const SPARSE_BELOW: f64 = 0.45;
/// The fraction of non-zero bytes below which their bitmap is stored after all: then most of its words are 0, and the bytes of
/// these need not be read.
const STORED_BELOW: f64 = 1.0 / WORD as f64;
/// Samples that one thread counts at a time.
const SAMPLES_OF_PART: usize = 256;
/// The stretches of a file from which its sparsity is estimated, evenly distributed: as many reads of a disk.
const STRETCHES: usize = 64;
/// The number of consecutive samples in each.
const SAMPLES_OF_STRETCH: usize = 64;

/// A data set as [`Fused`](crate::engine::Fused) reads it: shared with the
/// [`Dataset`](crate::data::Dataset), not copied.
#[derive(Clone, Debug)]
pub struct Uploaded {
    pub(crate) samples: Arc<Samples>,
    pub(crate) bitmap: Option<Arc<Bitmap>>,
    /// Features and classes of the network that it was uploaded for.
    widths: [usize; 2],
    /// Whether that network can skip zeros.
    sparse: bool,
}

/// The non-zero features of a data set that has few of them.
pub(crate) struct Bitmap {
    /// `[n, words]`: bit `f % 64` of word `f / 64` is set if feature `f` is non-zero. None where values are compared with 0 each
    /// time they are read: bytes, and values in a file.
    bits: Option<Vec<u64>>,
    /// The union of the bits of all samples; all ones for samples in a file.
    pub(crate) union: Vec<u64>,
    /// The value of every byte, for features of bytes.
    table: [f32; 256],
    /// The fraction of non-zero features.
    density: f64,
}

impl Uploaded {
    /// Counts the non-zero features, unless the network cannot skip zeros; `sparse` says whether it can.
    pub(crate) fn new(
        samples: &Arc<Samples>,
        widths: [usize; 2],
        sparse: bool,
        simd: Simd,
    ) -> Self {
        let features = widths[0];
        let bitmap = match sparse && features >= WORD {
            true => Bitmap::new(samples, features, simd),
            false => None,
        };
        Uploaded {
            samples: Arc::clone(samples),
            bitmap: bitmap.map(Arc::new),
            widths,
            sparse,
        }
    }

    /// The same samples, without skipping zeros.
    pub(crate) fn without_bitmap(&self) -> Self {
        Uploaded {
            bitmap: None,
            ..self.clone()
        }
    }

    /// Some of the samples, if all are sparse.
    pub(crate) fn sparse<'a>(&'a self, batch: &'a [u32]) -> Option<SparseBatch<'a>> {
        let bitmap = self.bitmap.as_deref()?;
        Some(SparseBatch {
            features: self.widths[0],
            bits: bitmap.bits.as_deref(),
            values: match &self.samples.features {
                FeatureValues::Bytes { bytes, .. } => Values::Bytes(bytes, &bitmap.table),
                FeatureValues::Values(values) => Values::Floats(values),
            },
            samples: kernels::Samples::Numbered(batch),
        })
    }

    /// Checks that it was uploaded for a network with the widths of `N`.
    ///
    /// # Errors
    /// [`Error::Setting`] when it was uploaded for other widths.
    pub(crate) fn check<N: Network>(&self) -> Result<()> {
        let widths = [N::In::LEN, N::Output::LEN];
        if (self.widths, self.sparse) == (widths, const { takes_bitmaps(&N::PLAN) }) {
            return Ok(());
        }
        Err(of_another_network::<N>(self.widths))
    }
}

impl Bitmap {
    /// The bitmap of some samples, if these are sparse.
    fn new(samples: &Samples, features: usize, simd: Simd) -> Option<Self> {
        let words = features.div_ceil(WORD);
        let rows = Rows::of(&samples.features);
        let find = |sample: usize, bits: &mut [u64]| {
            let values = rows.within(sample * features..(sample + 1) * features);
            dispatch(simd, NonzeroBits { values, bits })
        };
        let is_mapped = samples.features.is_mapped();
        let parts = match is_mapped {
            true => stretches(samples, features),
            false => parts(samples.len),
        };
        let total = parts.iter().map(Range::len).sum::<usize>() * features;
        let store = || {
            let mut bits = vec![0; samples.len * words];
            let rows = bits.par_chunks_mut(words).enumerate();
            rows.with_min_len(SAMPLES_OF_PART)
                .for_each(|(sample, bits)| _ = find(sample, bits));
            bits
        };
        let is_f32 = matches!(samples.features, FeatureValues::Values(_));
        let mut stored = (is_f32 && !is_mapped).then(store);
        let counts = parts.into_par_iter().map(|part| {
            let (mut count, mut found, mut union) = (0, vec![0; words], vec![0; words]);
            for sample in part {
                let bits = match &stored {
                    Some(stored) => &stored[sample * words..][..words],
                    None => {
                        find(sample, &mut found);
                        &found
                    }
                };
                count += bits.iter().map(|word| word.count_ones()).sum::<u32>() as usize;
                add(&mut union, bits);
            }
            (count, union)
        });
        let none = || (0, vec![0; words]);
        let (count, union) = counts.reduce(none, |(first, mut union), (second, other)| {
            add(&mut union, &other);
            (first + second, union)
        });
        let is_below = |density: f64| (count as f64) < density * total as f64;
        if !is_f32 && !is_mapped && is_below(STORED_BELOW) {
            stored = Some(store());
        }
        is_below(SPARSE_BELOW).then(|| Bitmap {
            bits: stored,
            union: match is_mapped {
                true => vec![u64::MAX; words],
                false => union,
            },
            table: match samples.features {
                FeatureValues::Bytes { scale, .. } => {
                    std::array::from_fn(|byte| byte as f32 * scale)
                }
                FeatureValues::Values(_) => [0.0; 256],
            },
            density: count as f64 / total as f64,
        })
    }
}

/// Parts of `len` samples, each counted by one thread.
fn parts(len: usize) -> Vec<Range<usize>> {
    let parts = (0..len).step_by(SAMPLES_OF_PART);
    parts
        .map(|first| first..len.min(first + SAMPLES_OF_PART))
        .collect()
}

/// The samples from which the sparsity of a file, which may be larger than memory, is estimated.
fn stretches(samples: &Samples, features: usize) -> Vec<Range<usize>> {
    let stretches = (0..STRETCHES).map(|stretch| {
        let [first, next] = [stretch, stretch + 1].map(|at| samples.len * at / STRETCHES);
        first..next.min(first + SAMPLES_OF_STRETCH)
    });
    let stretches: Vec<_> = stretches.collect();
    let read = stretches.iter().cloned().flatten().map(|at| at as u32);
    samples.features.will_need(features, read.collect());
    stretches
}

fn add(union: &mut [u64], bits: &[u64]) {
    for (union, bits) in union.iter_mut().zip(bits) {
        *union |= bits;
    }
}

impl fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bitmap({:.1} % set)", self.density * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{data::Dataset, shape::Features, target::Classes};

    /// Compares every bit with its value; `density` of 256 bytes are non-zero.
    fn check(density: u32, kept: bool) {
        let byte = |i: u32| {
            if (i.wrapping_mul(2_654_435_761) >> 24) < density {
                (i % 255 + 1) as u8
            } else {
                0
            }
        };
        let bytes: Vec<u8> = (0..100 * 77).map(byte).collect();
        let data =
            Dataset::<Features<77>, Classes<2>>::from_bytes(bytes.clone(), 0.5, vec![0; 100])
                .unwrap();
        let floats = bytes.iter().map(|&byte| f32::from(byte) * 0.5).collect();
        let same = Dataset::<Features<77>, Classes<2>>::from_values(floats, vec![0; 100]).unwrap();
        for data in [&data, &same] {
            let samples = crate::data::DataFor::samples(data);
            let uploaded = Uploaded::new(samples, [77, 2], true, Simd::detect());
            assert_eq!(uploaded.bitmap.is_some(), kept);
            let Some(bitmap) = &uploaded.bitmap else {
                continue;
            };
            let is_stored = matches!(samples.features, FeatureValues::Values(_)) || density < 4;
            assert_eq!(bitmap.bits.is_some(), is_stored);
            for (i, &byte) in bytes.iter().enumerate().filter(|_| is_stored) {
                let (row, feature) = (i / 77, i % 77);
                let bits = bitmap.bits.as_ref().unwrap();
                let bit = bits[row * 2 + feature / 64] >> (feature % 64) & 1;
                assert_eq!(bit == 1, byte != 0);
            }
            let nonzero = |f: usize| (0..100).any(|row| bytes[row * 77 + f] != 0);
            assert!((0..77).all(|f| (bitmap.union[f / 64] >> (f % 64) & 1 == 1) == nonzero(f)));
        }
    }

    #[test]
    fn sparse_data_have_bitmaps_and_dense_data_none() {
        check(50, true);
        check(2, true);
        check(0, true);
        check(200, false);
        check(256, false);
    }

    #[test]
    fn a_bitmap_is_printed_with_its_density() {
        let values = (0..2 * 64).map(|i| f32::from(i % 8 == 0)).collect();
        let data = Dataset::<Features<64>, Classes<2>>::from_values(values, vec![0; 2]).unwrap();
        let samples = crate::data::DataFor::samples(&data);
        let uploaded = Uploaded::new(samples, [64, 2], true, Simd::detect());
        let printed = format!("{:?}", uploaded.bitmap.unwrap());
        assert_eq!(printed, "Bitmap(12.5 % set)");
    }
}
