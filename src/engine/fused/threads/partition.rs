//! The partition of work: each worker computes one part of every phase.
//!
//! Partitions depend on the number of threads, but no sum is divided between two of them, so results do not
//! depend on it.

use std::ops::Range;

use super::pool::Worker;
use crate::engine::fused::memory::matrix::{BLOCK, Matrix, View, ViewMut};

/// Rows of a partition come in multiples of 8, which are whole tiles.
const ROWS: usize = 8;

/// Blocks of columns, and rows.
#[derive(Clone)]
pub(crate) struct Partition {
    pub(crate) blocks: Range<usize>,
    pub(crate) rows: Range<usize>,
}

impl Partition {
    /// A worker's partition of `blocks` blocks of `rows` rows, in multiples of 8: whole tiles.
    ///
    /// Blocks are divided first, so that a layer's weights stay in the cache of the thread that computes with them;
    /// rows are divided only where there are fewer blocks than threads.
    pub(crate) fn of(worker: &Worker<'_>, blocks: usize, rows: usize) -> Self {
        Self::in_units(worker, blocks, rows, ROWS)
    }

    /// A worker's partition of `blocks` blocks of `rows` rows, in multiples of `unit`.
    pub(crate) fn in_units(worker: &Worker<'_>, blocks: usize, rows: usize, unit: usize) -> Self {
        let across = (1..=worker.count)
            .rev()
            .find(|across| worker.count.is_multiple_of(*across) && *across <= blocks)
            .unwrap_or(1);
        Partition {
            blocks: part(blocks, across, worker.index % across),
            rows: units(rows, unit, worker.count / across, worker.index / across),
        }
    }
}

impl Partition {
    /// This partition of a matrix, to read.
    ///
    /// # Safety
    /// As [`Matrix::view`].
    pub(crate) unsafe fn read<'a>(&self, matrix: &'a Matrix) -> View<'a> {
        // SAFETY: guaranteed by the caller.
        unsafe { matrix.read(self.blocks.clone(), self.rows.clone()) }
    }

    /// This partition of a matrix, to write.
    ///
    /// # Safety
    /// As [`Matrix::view_mut`].
    pub(crate) unsafe fn write<'a>(&self, matrix: &'a Matrix) -> ViewMut<'a> {
        // SAFETY: guaranteed by the caller.
        unsafe { matrix.view_mut(self.blocks.clone(), self.rows.clone()) }
    }
}

/// Whether, in a network of two layers of `inputs` inputs whose weights have `blocks` blocks, each of `count`
/// workers has whole columns of the first layer, and of the second layer's weights the rows that these
/// columns are the inputs of (the last worker's, the bias as well).
pub(crate) fn is_independent(count: usize, inputs: [usize; 2], blocks: [usize; 2]) -> bool {
    (0..count).all(|index| {
        let worker = Worker::of(index, count);
        let [first, second] =
            [0, 1].map(|at| Partition::in_units(&worker, blocks[at], inputs[at] + 1, BLOCK));
        let columns = first.blocks.start * BLOCK..match index + 1 == count {
            true => inputs[1] + 1,
            false => first.blocks.end * BLOCK,
        };
        first.rows == (0..inputs[0] + 1)
            && second.blocks == (0..blocks[1])
            && second.rows == columns
    })
}

/// A worker's partition of `rows` rows.
pub(crate) fn rows(worker: &Worker<'_>, rows: usize) -> Range<usize> {
    rows_in_units(worker, rows, ROWS)
}

/// A worker's partition of `rows` rows, in multiples of `unit`.
pub(crate) fn rows_in_units(worker: &Worker<'_>, rows: usize, unit: usize) -> Range<usize> {
    units(rows, unit, worker.count, worker.index)
}

/// A worker's partition of `count` items.
pub(crate) fn some(worker: &Worker<'_>, count: usize) -> Range<usize> {
    part(count, worker.count, worker.index)
}

/// Part `index` of `count` items in `parts` parts.
pub(crate) fn part(count: usize, parts: usize, index: usize) -> Range<usize> {
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
    fn partitions_cover_every_row_of_every_block_once() {
        for count in 1..=9 {
            for (blocks, height) in [(1, 1), (1, 7), (1, 100), (2, 64), (7, 9), (8, 100), (32, 1)] {
                let mut seen = vec![0; blocks * height];
                let mut seen_rows = vec![0; height];
                for index in 0..count {
                    let worker = Worker::of(index, count);
                    let partition = Partition::of(&worker, blocks, height);
                    for block in partition.blocks {
                        partition
                            .rows
                            .clone()
                            .for_each(|row| seen[block * height + row] += 1);
                    }
                    rows(&worker, height).for_each(|row| seen_rows[row] += 1);
                }
                assert!(seen.iter().chain(&seen_rows).all(|&times| times == 1));
            }
        }
    }

    /// The owners of columns and rows, derived from the [`Partition`]s of back and update.
    #[test]
    fn workers_are_independent_where_rows_belong_to_the_owners_of_their_columns() {
        let owners = |count: usize, of: &dyn Fn(&Worker<'_>) -> Vec<usize>, len: usize| {
            let mut owners = vec![Vec::new(); len];
            for index in 0..count {
                of(&Worker::of(index, count))
                    .into_iter()
                    .for_each(|place| owners[place].push(index));
            }
            owners
        };
        let mut apart = 0;
        for (count, hidden, outputs) in [1, 2, 3, 4, 6, 8]
            .into_iter()
            .flat_map(|count| (1..300).map(move |hidden| (count, hidden, 10 + hidden % 2 * 10)))
        {
            let blocks = [hidden, outputs].map(|width: usize| width.div_ceil(BLOCK));
            if !is_independent(count, [784, hidden], blocks) {
                continue;
            }
            apart += 1;
            let back = |worker: &Worker<'_>| {
                let partition = Partition::of(worker, blocks[0], 100);
                assert_eq!(partition.rows, 0..100);
                (partition.blocks.start * BLOCK..partition.blocks.end * BLOCK).collect()
            };
            let update = |worker: &Worker<'_>| {
                let partition = Partition::in_units(worker, blocks[1], hidden + 1, BLOCK);
                partition.rows.collect()
            };
            let columns = owners(count, &back, blocks[0] * BLOCK);
            let rows = owners(count, &update, hidden + 1);
            // each has one owner, and the same one; also of the bias, which `back` may read with the last block
            assert!(columns.iter().chain(&rows).all(|owners| owners.len() == 1));
            assert!(columns.iter().zip(&rows).all(|(a, b)| a == b));
        }
        assert!(apart > 300, "{apart}");
        for hidden in [128, 192, 500, 512, 800, 2048] {
            assert!(
                is_independent(2, [784, hidden], [hidden.div_ceil(BLOCK), 1]),
                "{hidden}"
            );
        }
    }
}
