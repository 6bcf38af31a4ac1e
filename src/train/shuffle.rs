//! [`Shuffle`]: the order of the samples in an epoch.

use rand::seq::SliceRandom;
use serde::Serialize;

use crate::{
    data::Stratified,
    error::Result,
    objective::at_least_one,
    seed::{self, Stream},
};

/// How the samples of an epoch are ordered, for [`Trainer::shuffle`](crate::train::Trainer::shuffle). The order depends on
/// the seed and the epoch alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Shuffle {
    /// A random order of all samples.
    #[default]
    All,
    /// For samples in a mapped file (`Dataset::map_safetensors`, feature `mmap`) that does not fit in memory: the samples to train
    /// on are divided in blocks, in the order of the file; the order of the blocks is random; and each `window` blocks
    /// of that order are shuffled together, sample by sample. So a disk reads whole blocks, each once in an epoch; the next two
    /// windows are read while the engine trains on one.
    ///
    /// A batch has samples of up to `window` blocks. So a file's samples should not be sorted, by class for example, in
    /// stretches that are long compared with a block; where they are, more and smaller blocks mix them better.
    ///
    /// Samples that are [held out](crate::train::Trainer::validation) are evaluated in the order of the file.
    Blocks {
        /// The number of consecutive samples in a block, at least 1.
        block: usize,
        /// The number of blocks that are shuffled together, at least 1.
        window: usize,
    },
}

impl Shuffle {
    /// Blocks of 1,024 samples, 64 of them shuffled together: of images of 784 bytes, blocks of 0.8 MB and windows of 51 MB.
    pub const BLOCKS: Self = Shuffle::Blocks {
        block: 1024,
        window: 64,
    };

    pub(super) fn check(&self) -> Result<()> {
        match *self {
            Shuffle::All => Ok(()),
            Shuffle::Blocks { block, window } => {
                at_least_one("samples of a block", block)?;
                at_least_one("blocks of a window", window)
            }
        }
    }

    /// The number of samples that are shuffled together, if that is not all of them.
    pub(super) fn samples_per_window(&self) -> Option<usize> {
        match *self {
            Shuffle::All => None,
            Shuffle::Blocks { block, window } => Some(block.saturating_mul(window)),
        }
    }

    /// Orders the samples of epoch `epoch`, from 0.
    pub(super) fn apply(&self, split: &mut Stratified, seed: u64, epoch: usize) {
        match *self {
            Shuffle::All => seed::shuffle(&mut split.train, seed, epoch),
            Shuffle::Blocks { block, window } => {
                // Holding samples out leaves them in a random order.
                split.train.sort_unstable();
                split.held_out.sort_unstable();
                split.train = in_blocks(&split.train, [block, window], seed, epoch);
            }
        }
    }
}

/// `order` in blocks of `block` samples, shuffled, and then `window` blocks at a time sample by sample.
fn in_blocks(order: &[u32], [block, window]: [usize; 2], seed: u64, epoch: usize) -> Vec<u32> {
    let mut rng = seed::stream(seed, Stream::Shuffle, epoch as u64);
    let mut blocks: Vec<&[u32]> = order.chunks(block).collect();
    blocks.shuffle(&mut rng);
    let mut shuffled = Vec::with_capacity(order.len());
    for blocks in blocks.chunks(window) {
        let begin = shuffled.len();
        blocks
            .iter()
            .for_each(|block| shuffled.extend_from_slice(block));
        shuffled[begin..].shuffle(&mut rng);
    }
    shuffled
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        data::{DataFor, Dataset},
        shape::Features,
        target::Classes,
    };

    proptest! {
        /// An epoch has each sample once, and each window the samples of as many blocks, whole ones.
        #[test]
        fn windows_are_of_whole_blocks(
            samples in prop::collection::btree_set(0u32..3000, 1..400),
            block in 1usize..50, window in 1usize..8, seed: u64, epoch in 0usize..1000
        ) {
            let order: Vec<u32> = samples.into_iter().collect();
            let shuffled = in_blocks(&order, [block, window], seed, epoch);
            let mut sorted = shuffled.clone();
            sorted.sort();
            prop_assert_eq!(&sorted, &order);
            let block_of = |sample: &u32| order.binary_search(sample).unwrap() / block;
            let count = order.len().div_ceil(block);
            let size_of = |at: usize| block.min(order.len() - at * block);
            let mut rest = &shuffled[..];
            let mut seen = std::collections::BTreeSet::new();
            for first in (0..count).step_by(window) {
                // the blocks of a window are those of its first samples, as many as it has
                let mut blocks = std::collections::BTreeSet::new();
                let mut len = 0;
                while blocks.len() < window.min(count - first) {
                    blocks.insert(block_of(&rest[len]));
                    len += 1;
                }
                let len = blocks.iter().map(|&at| size_of(at)).sum();
                let (of_window, after) = rest.split_at(len);
                prop_assert!(of_window.iter().all(|sample| blocks.contains(&block_of(sample))));
                prop_assert!(blocks.iter().all(|&at| seen.insert(at)));
                rest = after;
            }
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn seed_and_epoch_alone_determine_the_order() {
        let order: Vec<u32> = (0..1000).collect();
        let of = |seed, epoch| in_blocks(&order, [10, 5], seed, epoch);
        assert_eq!(of(1, 0), of(1, 0));
        assert_ne!(of(1, 0), of(1, 1));
        assert_ne!(of(1, 0), of(2, 0));
        // blocks are shuffled, and samples within a window of them
        let blocks = |epoch| {
            of(1, epoch)
                .chunks(50)
                .map(|window| {
                    let mut blocks: Vec<u32> = window.iter().map(|sample| sample / 10).collect();
                    blocks.sort();
                    blocks.dedup();
                    blocks
                })
                .collect::<Vec<_>>()
        };
        assert_ne!(blocks(0), blocks(1));
        assert!(
            of(1, 0)
                .windows(2)
                .filter(|pair| pair[0] + 1 == pair[1])
                .count()
                < 100
        );
    }

    /// Blocks are of samples in the order of the file, though holding samples out shuffles them; so are the held-out ones.
    #[test]
    fn blocks_are_consecutive_in_the_file() {
        let values = vec![0.0; 200];
        let data = Dataset::<Features<1>, Classes<2>>::from_values(values, vec![0; 200]).unwrap();
        let samples = DataFor::<Features<1>, Features<2>>::samples(&data);
        let mut split = Stratified::new(samples, 40, 3).unwrap();
        let (all, held_out) = (split.train.clone(), split.held_out.clone());
        let blocks = Shuffle::Blocks {
            block: 16,
            window: 1,
        };
        blocks.apply(&mut split, 3, 0);
        assert!(split.held_out.is_sorted() && !held_out.is_sorted());
        let sorted = |mut order: Vec<u32>| {
            order.sort();
            order
        };
        let file = sorted(all);
        let found: Vec<Vec<u32>> = split
            .train
            .chunks(16)
            .map(|block| sorted(block.to_vec()))
            .collect();
        assert_eq!(sorted(found.concat()), file);
        assert!(
            found
                .iter()
                .all(|block| file.chunks(16).any(|of_file| of_file == block))
        );
    }
}
