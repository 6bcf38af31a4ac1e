//! [`TokenIndex`]: which samples of a batch have each token.

use crate::{
    data::Samples,
    engine::fused::{
        kernels::{FindTokens, Occurrences, OwnTokens, Simd, dispatch},
        program::Embedding,
    },
    plan::Pooling,
};

/// The samples of a batch that have each token, of some of the tokens.
///
/// In the order in which tokens first occur, so that the sums over samples depend on the batch alone.
#[derive(Debug, Default)]
pub(crate) struct TokenIndex {
    /// For each token of the vocabulary, its place in `tokens` plus 1, or 0.
    places: Vec<u32>,
    /// The tokens, each once, then room.
    tokens: Vec<u32>,
    /// For each of `tokens`, the end of its samples; while samples are listed, where the next one goes.
    ends: Vec<u32>,
    /// The number of tokens.
    count: usize,
    /// Rows of the gradient: that of a sample, or of one of its positions.
    rows: Vec<u32>,
    /// For each of `rows`, the factor of its gradient.
    factors: Vec<f32>,
    /// The place of the token, the row and the factor of each occurrence, then room.
    occurrences: Vec<(u32, u32, f32)>,
    /// The features of a sample.
    sample: Vec<f32>,
    /// The tokens of a sample.
    all: Vec<u32>,
    /// The worker's, each with its place among them, then room.
    found: Vec<(u32, u32)>,
}

impl TokenIndex {
    /// Lists the samples `batch` of a data set, of `width` features each, for a worker's tokens.
    pub(crate) fn list(
        &mut self,
        simd: Simd,
        embedding: &Embedding,
        data: &Samples,
        width: usize,
        batch: &[u32],
        own: OwnTokens,
    ) {
        for token in &self.tokens[..self.count] {
            self.places[*token as usize] = 0;
        }
        self.ends[..self.count].fill(0);
        self.count = 0;
        let room = batch.len() * embedding.tokens + 1;
        if self.tokens.len() < room {
            self.places.resize(embedding.vocabulary, 0);
            self.sample.resize(width, 0.0);
            self.all.resize(embedding.tokens, 0);
            self.found.resize(embedding.tokens + 1, (0, 0));
            self.tokens.resize(room, 0);
            self.ends.resize(room, 0);
            self.occurrences.resize(room, (0, 0, 0.0));
        }
        let TokenIndex {
            places,
            tokens,
            ends,
            occurrences,
            sample,
            all,
            found,
            ..
        } = self;
        let rows_of_sample = embedding.gradient_rows();
        let (mut count, mut listed) = (0, 0);
        for (row, number) in batch.iter().enumerate() {
            data.features
                .gather(width, std::slice::from_ref(number), sample);
            let first_listed = listed;
            let find = FindTokens {
                embedding,
                own,
                values: &sample[embedding.first..embedding.first + embedding.tokens],
                all,
                found,
            };
            let [len, words] = dispatch(simd, find);
            for &(token, at) in &found[..len] {
                let (token, at) = (token as usize, at as usize);
                let place = places[token];
                let is_new = place == 0;
                let place = if is_new { count as u32 } else { place - 1 };
                tokens[count] = token as u32;
                count += usize::from(is_new);
                places[token] = place + 1;
                ends[place as usize] += 1;
                let number = embedding.number(embedding.first + at);
                let factor = number.map_or(1.0, |at| sample[at]);
                let row = match rows_of_sample {
                    1 => row,
                    rows => row * rows + at,
                };
                occurrences[listed] = (place, row as u32, factor);
                listed += 1;
            }
            if embedding.pools_by(Pooling::Mean) && words > 1 {
                let factor = 1.0 / words as f32;
                let of_sample = occurrences[first_listed..listed].iter_mut();
                of_sample.for_each(|occurrence| occurrence.2 = factor);
            }
        }
        self.count = count;
        // From the number of samples of each token to where they begin.
        let mut start = 0;
        for end in &mut ends[..count] {
            start += std::mem::replace(end, start);
        }
        self.rows.resize(listed, 0);
        self.factors.resize(listed, 0.0);
        for &(place, row, factor) in &occurrences[..listed] {
            let next = &mut ends[place as usize];
            self.rows[*next as usize] = row;
            self.factors[*next as usize] = factor;
            *next += 1;
        }
    }

    /// The tokens, each once.
    pub(crate) fn tokens(&self) -> &[u32] {
        &self.tokens[..self.count]
    }

    pub(crate) fn occurrences(&self) -> Occurrences<'_> {
        Occurrences {
            tokens: self.tokens(),
            ends: &self.ends[..self.count],
            rows: &self.rows,
            factors: &self.factors,
        }
    }
}
