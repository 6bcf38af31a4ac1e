//! A convolution, and its division into tiles.

use crate::{
    plan::Window,
    single::{image::border::bordered, lanes::Lanes, matrix::BLOCK},
};

/// A convolution. All of it is a constant where it is run, so that each convolution has loops of its own.
#[derive(Clone, Copy, Debug)]
pub(in crate::single) struct Convolution {
    pub(in crate::single) window: Window,
    /// Whether the input is `[channel][row][column]`, else `[row][column][channel]`.
    pub(in crate::single) channels_first: bool,
    /// Whether lanes are columns of the output, which is then channels first; else they are channels, and it is channels
    /// last.
    pub(in crate::single) lanes_are_columns: bool,
    /// Whether ReLU follows.
    pub(in crate::single) relu: bool,
}

/// Whether vectors of 16 columns of the output take fewer operations than vectors of 16 of its channels. The input must
/// be channels first.
pub(in crate::single) const fn suits_columns(window: &Window) -> bool {
    let [channels, _, columns] = window.output;
    let [_, across] = window.stride;
    across == 1 && columns.div_ceil(BLOCK) * channels < channels.div_ceil(BLOCK) * columns
}

/// The distances between neighbours of the input in memory.
#[derive(Clone, Copy)]
pub(super) struct Strides {
    pub(super) channel: usize,
    pub(super) row: usize,
    pub(super) column: usize,
}

/// A number of sums: of vectors, and for each, of single values.
#[derive(Clone, Copy)]
pub(in crate::single::image) struct Tile {
    pub(in crate::single::image) vectors: usize,
    pub(in crate::single::image) singles: usize,
}

/// Where a tile is: in a row of the output, from the first vector and the first single value on.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) tile: Tile,
    pub(super) row: usize,
    pub(super) first: [usize; 2],
}

/// The maximum number of vectors of a tile.
pub(in crate::single::image) const MAX_VECTORS: usize = 4;
/// The maximum number of sums of a tile, at any level.
pub(in crate::single::image) const MAX_SUMS: usize = 24;

impl Convolution {
    #[inline(always)]
    pub(super) fn strides(&self) -> Strides {
        let [rows, columns] = bordered(&self.window);
        let channels = self.window.input[0];
        match self.channels_first {
            true => Strides {
                channel: rows * columns,
                row: columns,
                column: 1,
            },
            false => Strides {
                channel: 1,
                row: columns * channels,
                column: channels,
            },
        }
    }

    /// Whether lanes are channels of groups, so that they may have different inputs.
    #[inline(always)]
    pub(super) fn lanes_are_groups(&self) -> bool {
        self.window.groups > 1 && !self.lanes_are_columns
    }

    /// The vectors and the single values of a row of the output; if lanes are columns, those of a group.
    #[inline(always)]
    pub(super) fn row<L: Lanes>(&self) -> Tile {
        let [channels, _, columns] = self.window.output;
        let (vectors, singles) = match self.lanes_are_columns {
            true => (columns, self.window.group_channels()[1]),
            false => (channels, columns),
        };
        Tile {
            vectors: vectors.div_ceil(L::LANES),
            singles,
        }
    }

    /// The part of a row whose sums fit in registers. Each vector serves all single values, each of these all vectors;
    /// so both should be many. The tiles are as equal as possible: 26 single values are two tiles of 13.
    #[inline(always)]
    pub(super) fn tile<L: Lanes>(&self, row: Tile) -> Tile {
        const { assert!(L::ACCUMULATORS <= MAX_SUMS && L::VECTORS <= MAX_VECTORS) };
        let vectors = match self.lanes_are_groups() {
            true => 1,
            false => in_equal_parts(row.vectors, L::VECTORS),
        };
        Tile {
            vectors,
            singles: in_equal_parts(row.singles, L::ACCUMULATORS / vectors),
        }
    }
}

/// The size of the parts if `count` is divided into as few and as equal parts of at most `most` as possible.
#[inline(always)]
pub(in crate::single::image) fn in_equal_parts(count: usize, most: usize) -> usize {
    count.div_ceil(count.div_ceil(most))
}

/// The sums of a tile, `[single value][vector]`; those that a tile has not are not used, and take no register.
pub(in crate::single::image) type Sums<V> = [[V; MAX_VECTORS]; MAX_SUMS];
