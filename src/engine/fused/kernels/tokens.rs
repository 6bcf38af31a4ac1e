//! The tokens of a sample, and those of a worker.

use super::{Kernel, Lanes};
use crate::{
    engine::fused::{memory::matrix::BLOCK, program::Embedding},
    token::index_of,
};

/// The tokens of which a worker has the rows: groups of 16, spread evenly, since in many vocabularies the first
/// tokens are the most frequent ones. What is counted for each token of a group is a cache line, which only its worker writes.
#[derive(Clone, Copy)]
pub(crate) struct OwnTokens {
    worker: usize,
    workers: usize,
}

impl OwnTokens {
    pub(crate) fn of(worker: usize, workers: usize) -> Self {
        OwnTokens { worker, workers }
    }

    #[inline(always)]
    pub(crate) fn has(self, token: usize) -> bool {
        // a number below 2^32, evenly distributed over consecutive groups: 2^32 divided by the golden ratio
        let hash = ((token / BLOCK) as u32).wrapping_mul(0x9e37_79b9);
        ((u64::from(hash) * self.workers as u64) >> 32) as usize == self.worker
    }

    /// All below `vocabulary`.
    pub(crate) fn below(self, vocabulary: usize) -> impl Iterator<Item = u32> {
        let tokens = 0..vocabulary as u32;
        tokens.filter(move |&token| self.has(token as usize))
    }
}

/// Finds a worker's tokens in the values of a sample, and returns how many they are and how many tokens are no padding.
pub(crate) struct FindTokens<'a> {
    pub(crate) embedding: &'a Embedding,
    pub(crate) own: OwnTokens,
    /// The tokens, each an index as a value.
    pub(crate) values: &'a [f32],
    /// Room for all of them.
    pub(crate) all: &'a mut [u32],
    /// The worker's, each with its place among the values, then room: for one more than all.
    pub(crate) found: &'a mut [(u32, u32)],
}

impl Kernel for FindTokens<'_> {
    type Output = [usize; 2];

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) -> [usize; 2] {
        let FindTokens {
            embedding,
            own,
            values,
            all,
            found,
        } = self;
        for (token, &value) in all.iter_mut().zip(values) {
            *token = index_of(value, embedding.vocabulary) as u32;
        }
        let (mut len, mut words) = (0, 0);
        // without branches, as no processor predicts which words a text has
        for (at, &token) in all.iter().enumerate().take(values.len()) {
            let is_word = !embedding.is_padding(token as usize);
            words += usize::from(is_word);
            found[len] = (token, at as u32);
            len += usize::from(is_word & own.has(token as usize));
        }
        [len, words]
    }
}
