//! The convolution of one image, by tiles of sums in registers.
//!
//! A tile is some vectors times some single values. With many output channels, a vector is of weights for different
//! channels and a single value is of the input ([`channels`]); with few, a vector would be mostly empty, so that it is of
//! neighbours of a row of the input, and a single value is a weight ([`columns`]). In a
//! convolution with groups, the channels of a vector may have different inputs, so that both are vectors ([`groups`]).

mod channels;
mod columns;
mod groups;
mod tile;

use self::tile::Place;
pub(in crate::single) use self::tile::{Convolution, suits_columns};
pub(super) use self::tile::{MAX_SUMS, MAX_VECTORS, Sums, Tile, in_equal_parts};
use crate::single::{lanes::Lanes, matrix::Matrix};

/// The convolution of `input`, with the border that its padding needs, to `output`.
///
/// # Safety
/// `input` has the inputs of the window with the border, `output` has room for its outputs, and `matrix` is its weight
/// matrix. Where lanes are columns, the input is channels first and the stride from one column to the next is 1.
#[inline(always)]
pub(in crate::single) unsafe fn convolve<L: Lanes>(
    lanes: L,
    convolution: Convolution,
    matrix: impl Matrix,
    input: &[f32],
    output: &mut [f32],
) {
    let row_tile = convolution.row::<L>();
    let tile = convolution.tile::<L>(row_tile);
    let groups = match convolution.lanes_are_columns {
        true => convolution.window.groups,
        false => 1,
    };
    let mut vector = 0;
    while vector < row_tile.vectors {
        for row in 0..convolution.window.output[1] {
            for group in 0..groups {
                let mut single = 0;
                while single < row_tile.singles {
                    // A tile that would reach beyond the output begins earlier, and some sums are computed twice.
                    let first = [
                        vector.min(row_tile.vectors - tile.vectors),
                        group * row_tile.singles + single.min(row_tile.singles - tile.singles),
                    ];
                    let place = Place { tile, row, first };
                    // SAFETY: guaranteed by the caller; the tile is within the row, and within a group if lanes are
                    // columns.
                    unsafe {
                        match convolution.lanes_are_columns {
                            true => columns::run(lanes, &convolution, place, matrix, input, output),
                            false => {
                                channels::run(lanes, &convolution, place, matrix, input, output)
                            }
                        }
                    };
                    single += tile.singles;
                }
            }
        }
        vector += tile.vectors;
    }
}
