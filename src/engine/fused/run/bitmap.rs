//! An uploaded data set: the samples, and bitmaps of their non-zero features if these are few.

use std::{fmt, sync::Arc};

use rayon::prelude::*;

use crate::{
    data::{FeatureValues, Samples},
    engine::{
        fused::{
            kernels::{Kernel, Lanes, NonzeroBits, Simd, WORD, dispatch},
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
/// difference pays for the bitmaps.
pub(crate) const SPARSE_BELOW: f64 = 0.45;
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

/// The bitmap of non-zero features of a data set.
pub(crate) struct Bitmap {
    /// `[n, words]`: bit `f % 64` of word `f / 64` is set if feature `f` is non-zero. Empty for samples in a file.
    pub(crate) bits: Vec<u64>,
    /// The union of the bits of all samples; all ones for samples in a file.
    pub(crate) nonzero: Vec<u64>,
    /// The value of every byte, for features of bytes.
    pub(crate) table: [f32; 256],
}

impl Uploaded {
    /// Counts the non-zero features, and keeps the bitmaps if they are few; `sparse` says
    /// whether the network can use them.
    pub(crate) fn new(
        samples: &Arc<Samples>,
        widths: [usize; 2],
        sparse: bool,
        simd: Simd,
    ) -> Self {
        let features = widths[0];
        let bitmap = match samples.features.is_mapped() {
            _ if !sparse || features < WORD => None,
            false => Bitmap::of_all(samples, features, simd),
            true => Bitmap::of_batches(samples, features, simd),
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

    /// Whether the bitmap of each batch is found when it is gathered.
    pub(crate) fn finds_zeros(&self) -> bool {
        let bitmap = self.bitmap.as_ref();
        bitmap.is_some_and(|bitmap| bitmap.bits.is_empty())
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
    /// The bitmap of all samples, if these are sparse.
    fn of_all(samples: &Samples, features: usize, simd: Simd) -> Option<Self> {
        let words = features.div_ceil(WORD);
        let mut bits = vec![0; samples.len * words];
        let rows = bits.par_chunks_mut(words).enumerate();
        rows.with_min_len(256).for_each(|(sample, bits)| {
            find_zeros(simd, &samples.features, features, sample, bits);
        });
        let mut nonzero = vec![0; words];
        for row in bits.chunks_exact(words) {
            for (nonzero, bits) in nonzero.iter_mut().zip(row) {
                *nonzero |= bits;
            }
        }
        Self::if_sparse(samples, features, samples.len, bits, nonzero)
    }

    /// Without the bits of samples in a file, which may be larger than memory: those of a batch are found when it is
    /// gathered. Whether the samples are sparse is estimated from stretches of the file.
    fn of_batches(samples: &Samples, features: usize, simd: Simd) -> Option<Self> {
        let words = features.div_ceil(WORD);
        let stretches = (0..STRETCHES).flat_map(|stretch| {
            let [first, next] = [stretch, stretch + 1].map(|at| samples.len * at / STRETCHES);
            first as u32..next.min(first + SAMPLES_OF_STRETCH) as u32
        });
        let stretches: Vec<u32> = stretches.collect();
        samples.features.will_need(features, stretches.clone());
        let counted = stretches.len();
        let mut bits = vec![0; counted * words];
        for (&sample, bits) in stretches.iter().zip(bits.chunks_exact_mut(words)) {
            find_zeros(simd, &samples.features, features, sample as usize, bits);
        }
        let estimate = Self::if_sparse(samples, features, counted, bits, vec![u64::MAX; words])?;
        Some(Bitmap {
            bits: Vec::new(),
            ..estimate
        })
    }

    /// These bits, of `counted` samples, if few of them are set.
    fn if_sparse(
        samples: &Samples,
        features: usize,
        counted: usize,
        bits: Vec<u64>,
        nonzero: Vec<u64>,
    ) -> Option<Self> {
        let table = match samples.features {
            FeatureValues::Bytes { scale, .. } => std::array::from_fn(|byte| byte as f32 * scale),
            FeatureValues::Values(_) => [0.0; 256],
        };
        let bitmap = Bitmap {
            bits,
            nonzero,
            table,
        };
        let total = (counted * features) as f64;
        ((bitmap.count() as f64) < SPARSE_BELOW * total).then_some(bitmap)
    }

    fn count(&self) -> u64 {
        self.bits
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
    }
}

/// Sets the bits of the non-zero features of sample `sample`, of `width` features.
pub(super) fn find_zeros(
    simd: Simd,
    features: &FeatureValues,
    width: usize,
    sample: usize,
    bits: &mut [u64],
) {
    let place = sample * width..(sample + 1) * width;
    match features {
        // The value of a non-zero byte is 0 only if the scale is 0.
        FeatureValues::Bytes { scale, .. } if *scale == 0.0 => bits.fill(0),
        FeatureValues::Bytes { bytes, .. } => {
            let bytes = &bytes[place];
            dispatch(simd, NonzeroByteBits { bytes, bits });
        }
        FeatureValues::Values(values) => {
            let values = &values[place];
            dispatch(simd, NonzeroBits { values, bits });
        }
    }
}

/// The bitmap of the non-zero bytes.
struct NonzeroByteBits<'a> {
    bytes: &'a [u8],
    bits: &'a mut [u64],
}

impl Kernel for NonzeroByteBits<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) {
        let (whole, rest) = self.bytes.as_chunks::<WORD>();
        for (bytes, word) in whole.iter().zip(&mut *self.bits) {
            *word = word_not_zero(bytes);
        }
        if let Some(word) = self.bits.get_mut(whole.len()) {
            let mut padded = [0; WORD];
            padded[..rest.len()].copy_from_slice(rest);
            *word = word_not_zero(&padded);
        }
    }
}

/// Eight bytes at a time, in a loop that the compiler vectorises.
#[inline(always)]
fn word_not_zero(bytes: &[u8; WORD]) -> u64 {
    let mut word = 0;
    for (at, &eight) in bytes.as_chunks::<8>().0.iter().enumerate() {
        let x = u64::from_le_bytes(eight);
        // The high bit of every non-zero byte: set already, or by the carry of adding 127 to the other bits.
        let low = 0x7f7f_7f7f_7f7f_7f7f;
        let high = (x | ((x & low) + low)) & !low;
        // Gathered into one byte, the first in the lowest bit.
        let byte = (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        word |= byte << (8 * at);
    }
    word
}

impl fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let share = self.count() as f64 / (self.bits.len() * WORD) as f64;
        write!(f, "Bitmap({:.1} % set)", share * 100.0)
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
            let Some(bitmap) = uploaded.bitmap else {
                continue;
            };
            for (i, &byte) in bytes.iter().enumerate() {
                let (row, feature) = (i / 77, i % 77);
                let bit = bitmap.bits[row * 2 + feature / 64] >> (feature % 64) & 1;
                assert_eq!(bit == 1, byte != 0);
            }
            let nonzero = |f: usize| (0..100).any(|row| bytes[row * 77 + f] != 0);
            assert!((0..77).all(|f| (bitmap.nonzero[f / 64] >> (f % 64) & 1 == 1) == nonzero(f)));
        }
    }

    #[test]
    fn sparse_data_have_bitmaps_and_dense_data_none() {
        check(50, true);
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
