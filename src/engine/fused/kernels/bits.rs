//! Bitmaps of non-zero values, and their transpose.

use super::{Kernel, Lanes, gather::Rows, load};

/// Features per word of a sample's bitmap, and samples per word of a feature's.
pub(crate) const WORD: usize = u64::BITS as usize;

/// The bitmap of the non-zero values: bit `i % 64` of word `i / 64`.
pub(crate) struct NonzeroBits<'a> {
    pub(crate) values: Rows<'a>,
    pub(crate) bits: &'a mut [u64],
}

impl Kernel for NonzeroBits<'_> {
    /// The number of non-zero values.
    type Output = usize;

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) -> usize {
        match self.values {
            Rows::Floats(values) => {
                for (values, word) in values.chunks(WORD).zip(&mut *self.bits) {
                    *word = nonzero_values(simd, values);
                }
            }
            Rows::Bytes(bytes, _) => {
                for (at, word) in (0..bytes.len()).step_by(WORD).zip(&mut *self.bits) {
                    let bytes = &bytes[at..];
                    *word = nonzero_bytes(simd, bytes, WORD.min(bytes.len()));
                }
            }
        }
        self.bits
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }
}

/// Bit `i` is set if value `i` is non-zero, of at most 64.
#[inline(always)]
pub(super) fn nonzero_values<S: Lanes>(simd: S, values: &[f32]) -> u64 {
    let mut bits = 0;
    let (vectors, rest) = values.split_at(values.len() / S::F32_LANES * S::F32_LANES);
    for (at, lanes) in vectors.chunks_exact(S::F32_LANES).enumerate() {
        // SAFETY: a chunk is one vector.
        let lanes = unsafe { load::<S>(lanes.as_ptr()) };
        bits |= simd.nonzero(lanes) << (at * S::F32_LANES);
    }
    for (at, value) in rest.iter().enumerate() {
        bits |= u64::from(*value != 0.0) << (vectors.len() + at);
    }
    bits
}

/// Bit `i` is set if byte `i` is non-zero, of the first `count`, from 1 to 64.
#[inline(always)]
pub(super) fn nonzero_bytes<S: Lanes>(simd: S, bytes: &[u8], count: usize) -> u64 {
    let bits = match bytes.first_chunk() {
        Some(all) => simd.nonzero_bytes(all),
        None => {
            let mut padded = [0; WORD];
            padded[..count].copy_from_slice(&bytes[..count]);
            simd.nonzero_bytes(&padded)
        }
    };
    bits & u64::MAX >> (WORD - count)
}

/// Transposes a 64 x 64 matrix of bits: bit `c` of word `r` becomes bit `r` of word `c`.
///
/// Source: H. Warren, "Hacker's Delight", 2nd edition, 7-3.
pub(crate) fn transpose_bits(square: &mut [u64; WORD]) {
    let (mut width, mut mask) = (32, 0x0000_0000_ffff_ffff_u64);
    while width > 0 {
        let mut row = 0;
        while row < WORD {
            let swap = (square[row] >> width ^ square[row + width]) & mask;
            square[row] ^= swap << width;
            square[row + width] ^= swap;
            row = (row + width + 1) & !width;
        }
        width /= 2;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fused::kernels::{Simd, dispatch};

    #[test]
    fn the_bits_are_those_of_the_values_for_every_simd() {
        // of all bytes, and of zeros, subnormal and negative values
        let bytes: Vec<u8> = (0..300u32)
            .map(|i| if i % 3 == 0 { 0 } else { i as u8 })
            .collect();
        let values = |byte: &u8| match byte {
            1 => -0.0,
            2 => f32::from_bits(1),
            3 => f32::NAN,
            byte => f32::from(*byte) - 128.0,
        };
        let floats: Vec<f32> = bytes.iter().map(values).collect();
        for simd in [Simd::Avx512, Simd::Avx2, Simd::Neon, Simd::Scalar] {
            for (first, len) in [0, 1, 77]
                .into_iter()
                .flat_map(|at| (0..=200).map(move |len| (at, len)))
            {
                let place = first..first + len;
                let both = [
                    Rows::Bytes(&bytes[place.clone()], 1.0),
                    Rows::Floats(&floats[place.clone()]),
                ];
                for values in both {
                    let mut bits = vec![u64::MAX; len.div_ceil(WORD)];
                    let count = dispatch(
                        simd,
                        NonzeroBits {
                            values,
                            bits: &mut bits,
                        },
                    );
                    let is_set = |at: usize| bits[at / WORD] >> (at % WORD) & 1 == 1;
                    let expected = |at: usize| at < len && values.value(at) != 0.0;
                    assert!(
                        (0..bits.len() * WORD).all(|at| is_set(at) == expected(at)),
                        "{simd:?} {len}"
                    );
                    assert_eq!(count, (0..len).filter(|&at| expected(at)).count());
                }
            }
        }
    }

    #[test]
    fn a_transposed_matrix_has_rows_for_columns() {
        let mut x = 1u64;
        let square: [u64; WORD] = std::array::from_fn(|_| {
            x = x
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            x ^ x >> 29
        });
        let mut transposed = square;
        transpose_bits(&mut transposed);
        for (row, bits) in square.iter().enumerate() {
            for (column, transposed) in transposed.iter().enumerate() {
                assert_eq!(bits >> column & 1, transposed >> row & 1);
            }
        }
    }
}
