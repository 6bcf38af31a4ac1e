//! [`TokenIndex`]: which samples of a batch have each token.

use std::ops::Range;

use crate::{
    data::Samples,
    engine::fused::{kernels::Occurrences, program::Embedding},
    plan::Pooling,
    token::index_of,
};

/// The samples of a batch that have each token, of some of the tokens.
///
/// In the order in which tokens first occur, so that the sums over samples depend on the batch alone.
#[derive(Debug, Default)]
pub(crate) struct TokenIndex {
    /// For each token of the vocabulary, its place in `tokens` plus 1, or 0.
    places: Vec<u32>,
    tokens: Vec<u32>,
    /// For each of `tokens`, the end of its samples; while samples are listed, where the next one goes.
    ends: Vec<u32>,
    samples: Vec<u32>,
    scales: Vec<f32>,
    /// All tokens of the batch that are no padding, and the sample of each.
    words: Vec<[u32; 2]>,
    /// The features of a sample.
    sample: Vec<f32>,
}

impl TokenIndex {
    /// Lists the samples `batch` of a data set, of `width` features each, for the tokens in `range`.
    pub(crate) fn list(
        &mut self,
        embedding: &Embedding,
        data: &Samples,
        width: usize,
        batch: &[u32],
        range: &Range<usize>,
    ) {
        for token in self.tokens.drain(..) {
            self.places[token as usize] = 0;
        }
        self.places.resize(embedding.vocabulary, 0);
        self.sample.resize(width, 0.0);
        for list in [&mut self.ends, &mut self.samples] {
            list.clear();
        }
        self.scales.clear();
        self.words.clear();
        for (row, sample) in batch.iter().enumerate() {
            let sample = std::slice::from_ref(sample);
            data.features.gather(width, sample, &mut self.sample);
            let mut count = 0;
            for at in 0..embedding.tokens {
                let token = index_of(self.sample[at], embedding.vocabulary);
                if embedding.is_padding(token) {
                    continue;
                }
                count += 1;
                if range.contains(&token) {
                    self.add(token, row);
                }
            }
            self.scales.push(match embedding.pooling {
                Some(Pooling::Mean) if count > 1 => 1.0 / count as f32,
                _ => 1.0,
            });
        }
        // From the number of samples of each token to where they begin.
        let mut start = 0;
        for end in &mut self.ends {
            start += std::mem::replace(end, start);
        }
        self.samples.resize(self.words.len(), 0);
        for &[place, row] in &self.words {
            let next = &mut self.ends[place as usize];
            self.samples[*next as usize] = row;
            *next += 1;
        }
    }

    /// Counts a token of sample `row`.
    #[inline(always)]
    fn add(&mut self, token: usize, row: usize) {
        if self.places[token] == 0 {
            self.tokens.push(token as u32);
            self.ends.push(0);
            self.places[token] = self.tokens.len() as u32;
        }
        let place = self.places[token] - 1;
        self.ends[place as usize] += 1;
        self.words.push([place, row as u32]);
    }

    /// The tokens, each once.
    pub(crate) fn tokens(&self) -> &[u32] {
        &self.tokens
    }

    pub(crate) fn occurrences(&self) -> Occurrences<'_> {
        Occurrences {
            tokens: &self.tokens,
            ends: &self.ends,
            samples: &self.samples,
            scales: &self.scales,
        }
    }
}
