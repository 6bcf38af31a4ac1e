//! Bitmaps of non-zero values, and their transpose.

use super::{Kernel, Lanes, load};

/// Features per word of a sample's bitmap, and samples per word of a feature's.
pub(crate) const WORD: usize = u64::BITS as usize;

/// The bitmap of the non-zero values: bit `i % 64` of word `i / 64`.
pub(crate) struct NonzeroBits<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) bits: &'a mut [u64],
}

impl Kernel for NonzeroBits<'_> {
    /// The number of non-zero values.
    type Output = usize;

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) -> usize {
        let mut count = 0;
        for (values, word) in self.values.chunks(WORD).zip(self.bits) {
            *word = 0;
            let (vectors, rest) = values.split_at(values.len() / S::F32_LANES * S::F32_LANES);
            for (at, lanes) in vectors.chunks_exact(S::F32_LANES).enumerate() {
                // SAFETY: a chunk is one vector.
                let lanes = unsafe { load::<S>(lanes.as_ptr()) };
                *word |= simd.nonzero(lanes) << (at * S::F32_LANES);
            }
            for (at, value) in rest.iter().enumerate() {
                *word |= u64::from(*value != 0.0) << (vectors.len() + at);
            }
            count += word.count_ones() as usize;
        }
        count
    }
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
