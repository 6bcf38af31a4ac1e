//! Who computes what: each member of a team has a share of every phase.
//!
//! Shares depend on the number of threads, but no sum is ever divided between two of them, so results do
//! not.

use std::ops::Range;

use super::{
    matrix::{Matrix, Part, View},
    team::Member,
};

/// Rows of a share come in eights, which are whole tiles.
const ROWS: usize = 8;

/// Blocks of columns, and rows.
#[derive(Clone)]
pub(super) struct Share {
    pub(super) blocks: Range<usize>,
    pub(super) rows: Range<usize>,
}

impl Share {
    /// A member's share of `blocks` blocks of `rows` rows, which come in eights: whole tiles.
    ///
    /// Blocks are divided first, so that a layer's weights stay in the cache of the thread that
    /// computes with them; rows only where there are fewer blocks than threads.
    pub(super) fn of(member: &Member<'_>, blocks: usize, rows: usize) -> Self {
        Self::in_units(member, blocks, rows, ROWS)
    }

    /// A member's share of `blocks` blocks of `rows` rows, which come in units of `unit`.
    pub(super) fn in_units(member: &Member<'_>, blocks: usize, rows: usize, unit: usize) -> Self {
        let across = (1..=member.count)
            .rev()
            .find(|across| member.count.is_multiple_of(*across) && *across <= blocks)
            .unwrap_or(1);
        Share {
            blocks: part(blocks, across, member.index % across),
            rows: units(rows, unit, member.count / across, member.index / across),
        }
    }
}

impl Share {
    /// This share of a matrix, to read.
    ///
    /// # Safety
    /// As [`Matrix::view`].
    pub(super) unsafe fn read<'a>(&self, matrix: &'a Matrix) -> View<'a> {
        // SAFETY: the caller's.
        unsafe { matrix.read(self.blocks.clone(), self.rows.clone()) }
    }

    /// This share of a matrix, to write.
    ///
    /// # Safety
    /// As [`Matrix::part`].
    pub(super) unsafe fn write<'a>(&self, matrix: &'a Matrix) -> Part<'a> {
        // SAFETY: the caller's.
        unsafe { matrix.part(self.blocks.clone(), self.rows.clone()) }
    }
}

/// A member's share of `rows` rows.
pub(super) fn rows(member: &Member<'_>, rows: usize) -> Range<usize> {
    units(rows, ROWS, member.count, member.index)
}

/// A member's share of `count` things.
pub(super) fn some(member: &Member<'_>, count: usize) -> Range<usize> {
    part(count, member.count, member.index)
}

fn part(count: usize, parts: usize, index: usize) -> Range<usize> {
    index * count / parts..(index + 1) * count / parts
}

fn units(rows: usize, unit: usize, parts: usize, index: usize) -> Range<usize> {
    let units = part(rows.div_ceil(unit), parts, index);
    (units.start * unit).min(rows)..(units.end * unit).min(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_cover_every_row_of_every_block_once() {
        for count in 1..=9 {
            for (blocks, height) in [(1, 1), (1, 7), (1, 100), (2, 64), (7, 9), (8, 100), (32, 1)] {
                let mut seen = vec![0; blocks * height];
                let mut seen_rows = vec![0; height];
                for index in 0..count {
                    let member = Member::fake(index, count);
                    let share = Share::of(&member, blocks, height);
                    for block in share.blocks {
                        share
                            .rows
                            .clone()
                            .for_each(|row| seen[block * height + row] += 1);
                    }
                    rows(&member, height).for_each(|row| seen_rows[row] += 1);
                }
                assert!(seen.iter().chain(&seen_rows).all(|&times| times == 1));
            }
        }
    }
}
