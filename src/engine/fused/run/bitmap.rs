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
    /// `[n, words]`: bit `f % 64` of word `f / 64` is set if feature `f` is non-zero.
    pub(crate) bits: Vec<u64>,
    /// The union of the bits of all samples.
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
        let bitmap = (sparse && features >= WORD).then(|| Bitmap::new(samples, features, simd));
        let total = (samples.len * features) as f64;
        let few = |bitmap: &Bitmap| (bitmap.count() as f64) < SPARSE_BELOW * total;
        Uploaded {
            samples: Arc::clone(samples),
            bitmap: bitmap.filter(few).map(Arc::new),
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
    fn new(samples: &Samples, features: usize, simd: Simd) -> Self {
        let words = features.div_ceil(WORD);
        let mut bits = vec![0; samples.len * words];
        let mut table = [0.0; 256];
        match &samples.features {
            FeatureValues::Bytes { bytes, scale } => {
                for (byte, value) in table.iter_mut().enumerate() {
                    *value = byte as f32 * scale;
                }
                // The value of a non-zero byte is 0 only if the scale is 0.
                if *scale != 0.0 {
                    let rows = bits.par_chunks_mut(words).zip(bytes.par_chunks(features));
                    rows.with_min_len(256).for_each(|(bits, bytes)| {
                        dispatch(simd, NonzeroByteBits { bytes, bits });
                    });
                }
            }
            FeatureValues::Values(values) => {
                let rows = bits.par_chunks_mut(words).zip(values.par_chunks(features));
                rows.with_min_len(64).for_each(|(bits, values)| {
                    dispatch(simd, NonzeroBits { values, bits });
                });
            }
        }
        let mut nonzero = vec![0; words];
        for row in bits.chunks_exact(words) {
            for (nonzero, bits) in nonzero.iter_mut().zip(row) {
                *nonzero |= bits;
            }
        }
        Bitmap {
            bits,
            nonzero,
            table,
        }
    }

    fn count(&self) -> u64 {
        self.bits
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum()
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
