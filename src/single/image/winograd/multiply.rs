//! The products of transformed squares and weights.

use super::part::{PRODUCTS, Part, depths, squares};
use crate::single::{
    image::convolution::{MAX_SUMS, MAX_VECTORS, Sums, Tile, in_equal_parts},
    lanes::Lanes,
    matrix::Matrix,
};

/// For each of the 16 values, the matrix product `[square][channel] [channel][output]`, to `[16][square][output]`.
///
/// # Safety
/// As [`winograd`](super::winograd); `transformed` has the part's squares, and `products` has room for their products.
#[inline(always)]
pub(super) unsafe fn multiply<L: Lanes>(
    lanes: L,
    part: Part,
    matrix: impl Matrix,
    transformed: &[f32],
    products: &mut [f32],
) {
    let [inputs, outputs] = [part.window.input[0], part.window.output[0]];
    let [depth, of_output] = depths(&part.window);
    let count = squares(&part.window);
    let all_vectors = outputs.div_ceil(L::LANES);
    let vectors = in_equal_parts(all_vectors, L::VECTORS);
    let tile = Tile {
        vectors,
        singles: in_equal_parts(count, L::ACCUMULATORS / vectors),
    };
    for product in 0..PRODUCTS {
        let mut first_vector = 0;
        while first_vector < all_vectors {
            let vector = first_vector.min(all_vectors - vectors);
            let channel_of = |v: usize| (vector + v) * L::LANES;
            let mut first_square = 0;
            while first_square < count {
                let square = product * count + first_square.min(count - tile.singles);
                let mut sums: Sums<L::Vector> = [[lanes.splat(0.0); MAX_VECTORS]; MAX_SUMS];
                for channel in 0..inputs {
                    let mut weights = [lanes.splat(0.0); MAX_VECTORS];
                    for (v, weight) in weights.iter_mut().enumerate().take(vectors) {
                        let i = product * inputs + channel;
                        // SAFETY: there are 16 inputs of the matrix for each channel, and the tile's outputs exist.
                        *weight = unsafe { matrix.weights(lanes, i, channel_of(v)) };
                    }
                    for (s, sums) in sums.iter_mut().enumerate().take(tile.singles) {
                        let at = (square + s) * depth + channel;
                        // SAFETY: guaranteed by the caller.
                        let value = lanes.splat(unsafe { *transformed.get_unchecked(at) });
                        for (sum, &weight) in sums.iter_mut().zip(&weights).take(vectors) {
                            *sum = lanes.mul_add(value, weight, *sum);
                        }
                    }
                }
                for (s, sums) in sums.iter().enumerate().take(tile.singles) {
                    for (v, &sum) in sums.iter().enumerate().take(vectors) {
                        let to = (square + s) * of_output + channel_of(v);
                        // SAFETY: guaranteed by the caller; there is room for whole vectors.
                        unsafe { lanes.store(products.as_mut_ptr().add(to), sum) };
                    }
                }
                first_square += tile.singles;
            }
            first_vector += vectors;
        }
    }
}
