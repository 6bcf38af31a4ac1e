//! Embeddings: pooled rows of a table, and the update of the rows that a batch has read.
//!
//! Dims: `B` = batch size, `L` = tokens of a sample, `V` = vocabulary, `O` = outputs.

use super::{
    Kernel, Lanes, Rule, by_vectors, load,
    optimizer::{Parameter, Update},
    prefetch, store,
    update::{Parameters, WithUpdate},
};
use crate::{
    engine::fused::{
        memory::matrix::{BLOCK, View, ViewMut},
        program::Embedding,
    },
    plan::Pooling,
    token::index_of,
};

/// The number of tokens whose indices are computed at a time.
const CHUNK: usize = 64;

/// `output[b] = pool(table[x[b, 0]], table[x[b, 1]], ..)`, then ReLU if `relu`, where `x` are the tokens.
pub(crate) struct Embed<'a> {
    pub(crate) embedding: Embedding,
    /// `[B, F]`, of which some columns are the tokens, each an index as a value.
    pub(crate) samples: View<'a>,
    /// The column of the first value of a sample.
    pub(crate) start: usize,
    /// `[V, O]`, some blocks of columns.
    pub(crate) table: View<'a>,
    /// `[B, O]`, the same blocks.
    pub(crate) output: ViewMut<'a>,
    pub(crate) relu: bool,
    /// For a maximum in training: the token that has it, `[B, O]`, the same blocks.
    pub(crate) winners: Option<ViewMut<'a>>,
}

impl Kernel for Embed<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(mut self, simd: S) {
        let (blocks, rows) = (self.output.blocks, self.output.rows);
        let Embedding {
            first,
            tokens,
            vocabulary,
            ..
        } = self.embedding;
        let columns = self.start + first..self.start + first + tokens;
        let end = columns.end + self.embedding.number(0).unwrap_or_default();
        assert!(self.samples.blocks >= end.div_ceil(BLOCK) && self.samples.rows >= rows);
        assert!(self.table.blocks >= blocks && self.table.rows >= vocabulary && vocabulary > 0);
        let has_room = |view: &ViewMut<'_>| view.blocks >= blocks && view.rows >= rows;
        assert!(self.winners.as_ref().is_none_or(has_room));
        for row in 0..rows {
            let mut count = 0;
            for first in columns.clone().step_by(CHUNK) {
                let (mut words, mut factors) = ([0; CHUNK], [1.0; CHUNK]);
                let mut len = 0;
                for at in first..columns.end.min(first + CHUNK) {
                    let value = self.samples.row(at / BLOCK, row)[at % BLOCK];
                    let token = index_of(value, vocabulary);
                    words[len] = token;
                    if let Some(at) = self.embedding.number(at) {
                        factors[len] = self.samples.row(at / BLOCK, row)[at % BLOCK];
                    }
                    len += usize::from(!self.embedding.is_padding(token));
                }
                let words = (&words[..len], &factors[..len]);
                // SAFETY: the words are below the vocabulary; the assertions above are those that they require.
                unsafe {
                    match self.embedding.pools_by(Pooling::Max) {
                        true => self.largest(simd, row, words.0, count == 0),
                        false => self.sum(simd, row, words, count == 0),
                    }
                }
                count += len;
            }
            for block in 0..blocks {
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    let place = self.output.at(block, row).wrapping_add(lane);
                    // SAFETY: block and row are within the output; a vector from `lane` on is within 16 lanes.
                    unsafe {
                        let mut y = load::<S>(place);
                        if self.embedding.pools_by(Pooling::Mean) && count > 1 {
                            y = simd.div_f32s(y, simd.splat_f32s(count as f32));
                        }
                        store::<S>(place, if self.relu { simd.relu(y) } else { y });
                    }
                }
            }
        }
    }
}

impl Embed<'_> {
    /// Adds the rows of `words`, each times its factor, to what the output has, or to nothing if these are the first.
    ///
    /// # Safety
    /// The words are below the vocabulary, which the table has; the row is within the output.
    #[inline(always)]
    unsafe fn sum<S: Lanes>(
        &mut self,
        simd: S,
        row: usize,
        words: (&[usize], &[f32]),
        is_first: bool,
    ) {
        let (vectors, mut at) = (self.output.blocks * BLOCK / S::F32_LANES, 0);
        macro_rules! call {
            ($k:literal) => {
                // SAFETY: guaranteed by the caller; there are that many vectors.
                unsafe { self.add::<S, $k>(simd, (at, row), words, is_first) }
            };
        }
        by_vectors!(vectors, at, call);
    }

    /// [`Embed::sum`] of `K` vectors, from vector `at` on.
    ///
    /// # Safety
    /// As [`Embed::sum`]; the output has that many vectors.
    #[inline(always)]
    unsafe fn add<S: Lanes, const K: usize>(
        &mut self,
        simd: S,
        (at, row): (usize, usize),
        (words, factors): (&[usize], &[f32]),
        is_first: bool,
    ) {
        let split = |k: usize| {
            let lane = (at + k) * S::F32_LANES;
            (lane / BLOCK, lane % BLOCK)
        };
        let is_weighted = self.embedding.pools_by(Pooling::Weighted);
        // SAFETY: guaranteed by the caller.
        unsafe {
            let place = |k: usize| {
                let (block, lane) = split(k);
                self.output.at(block, row).wrapping_add(lane)
            };
            let of = |word: usize, k: usize| {
                let (block, lane) = split(k);
                load::<S>(self.table.at(block, word).wrapping_add(lane))
            };
            let mut sums = [simd.splat_f32s(0.0); K];
            if !is_first {
                for (k, sum) in sums.iter_mut().enumerate() {
                    *sum = load::<S>(place(k));
                }
            }
            if is_weighted {
                for (&word, &factor) in words.iter().zip(factors) {
                    let factor = simd.splat_f32s(factor);
                    for (k, sum) in sums.iter_mut().enumerate() {
                        *sum = simd.mul_add_e_f32s(factor, of(word, k), *sum);
                    }
                }
            } else {
                for &word in words {
                    for (k, sum) in sums.iter_mut().enumerate() {
                        *sum = simd.add_f32s(*sum, of(word, k));
                    }
                }
            }
            for (k, sum) in sums.into_iter().enumerate() {
                store::<S>(place(k), sum);
            }
        }
    }

    /// Of each feature the largest of the rows of `words` and of what the output has, if these are not the first.
    ///
    /// # Safety
    /// The words are below the vocabulary, which the table has; the row is within the output and the winners.
    #[inline(always)]
    unsafe fn largest<S: Lanes>(&mut self, simd: S, row: usize, words: &[usize], is_first: bool) {
        let blocks = 0..self.output.blocks;
        for (block, lane) in
            blocks.flat_map(|b| (0..BLOCK).step_by(S::F32_LANES).map(move |lane| (b, lane)))
        {
            // SAFETY: guaranteed by the caller; a vector from `lane` on is within 16 lanes.
            unsafe {
                let place = self.output.at(block, row).wrapping_add(lane);
                let of = |word: usize| load::<S>(self.table.at(block, word).wrapping_add(lane));
                let winners = self.winners.as_ref().map(|winners| winners.at(block, row));
                let winners = winners.map(|winners| winners.wrapping_add(lane));
                let (mut most, mut winner, words) = match (is_first, words) {
                    (true, [first, words @ ..]) => {
                        (of(*first), simd.splat_f32s(*first as f32), words)
                    }
                    (true, []) => (simd.splat_f32s(0.0), simd.splat_f32s(0.0), words),
                    (false, words) => {
                        let winner = winners.map(|winners| load::<S>(winners));
                        let winner = winner.unwrap_or(simd.splat_f32s(0.0));
                        (load::<S>(place), winner, words)
                    }
                };
                for &word in words {
                    let value = of(word);
                    // The maximum remains where the value is not larger and no NaN, and where it is a NaN itself.
                    let is_not_larger = simd.less_than_or_equal_f32s(value, most);
                    let is_number = simd.equal_f32s(most, most);
                    let larger = |most, value| {
                        let larger = simd.select_f32s(is_not_larger, most, value);
                        simd.select_f32s(is_number, larger, most)
                    };
                    most = larger(most, value);
                    winner = larger(winner, simd.splat_f32s(word as f32));
                }
                store::<S>(place, most);
                if let Some(winners) = winners {
                    store::<S>(winners, winner);
                }
            }
        }
    }
}

/// Where the samples of a batch have each token.
#[derive(Clone, Copy)]
pub(crate) struct Occurrences<'a> {
    /// The tokens, each once.
    pub(crate) tokens: &'a [u32],
    /// For each, the end of its rows in `rows`, which begin where those of the token before end.
    pub(crate) ends: &'a [u32],
    /// Rows of the gradient, in order for each token; as often as they have it.
    pub(crate) rows: &'a [u32],
    /// For each of `rows`, the factor of its gradient.
    pub(crate) factors: &'a [f32],
}

/// The gradient of the rows that a batch has read, `sum_b factor[b] delta[b]`, which goes to the optimiser at once.
pub(crate) struct TableGradient<'a> {
    pub(crate) occurrences: Occurrences<'a>,
    /// `[B, O]`, some blocks; of a sequence, `[B L, O]`.
    pub(crate) delta: View<'a>,
    /// The token that has the maximum, `[B, O]`, the same blocks; only its row has the gradient.
    pub(crate) winners: Option<View<'a>>,
    pub(crate) rule: Rule,
    /// The same blocks of the table, with a row for each token.
    pub(crate) parameters: Parameters<'a>,
}

impl Kernel for TableGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let Occurrences {
            tokens,
            ends,
            rows,
            factors,
        } = self.occurrences;
        let (blocks, batch) = (self.delta.blocks, self.delta.rows);
        assert!(tokens.len() == ends.len() && factors.len() == rows.len());
        assert!(ends.iter().all(|&end| end as usize <= rows.len()));
        assert!(rows.iter().all(|&row| (row as usize) < batch));
        let has_room = |view: &View<'_>| view.blocks >= blocks && view.rows >= batch;
        assert!(self.winners.as_ref().is_none_or(has_room));
        let rows = tokens.iter().max().map_or(0, |&last| last as usize + 1);
        self.parameters.check(&self.rule, blocks, rows);
        let rule = self.rule;
        rule.with(simd, self);
    }
}

impl<S: Lanes> WithUpdate<S> for TableGradient<'_> {
    #[inline(always)]
    fn with<U: Update<S>>(self, simd: S, update: U) {
        let Occurrences {
            tokens,
            ends,
            rows,
            factors,
        } = self.occurrences;
        let moments = self.rule.moments();
        let mut start = 0;
        for (at, (&token, &end)) in tokens.iter().zip(ends).enumerate() {
            if let Some(&next) = tokens.get(at + AHEAD) {
                self.parameters.prefetch(next as usize, moments);
            }
            let range = start..end as usize;
            let rows = rows.get(range.clone()).unwrap_or_default();
            let factors = factors.get(range).unwrap_or_default();
            start = end as usize;
            let number = simd.splat_f32s(token as f32);
            for block in 0..self.delta.blocks {
                let place = self.parameters.place(block, token as usize);
                for lane in (0..BLOCK).step_by(S::F32_LANES) {
                    // SAFETY: by the assertions in `run`, every row is one of the delta and of the winners, and the
                    // parameters have the row of the token; a vector from `lane` on is within 16 lanes.
                    unsafe {
                        let at = |view: &View<'_>, row: usize| {
                            load::<S>(view.at(block, row).wrapping_add(lane))
                        };
                        let mut sum = simd.splat_f32s(0.0);
                        let mut before = None;
                        for (&row, &factor) in rows.iter().zip(factors) {
                            let delta = at(&self.delta, row as usize);
                            match &self.winners {
                                None => {
                                    let factor = simd.splat_f32s(factor);
                                    sum = simd.mul_add_e_f32s(delta, factor, sum);
                                }
                                Some(winners) if before != Some(row) => {
                                    let winner = at(winners, row as usize);
                                    let has_won = simd.equal_f32s(winner, number);
                                    let zero = simd.splat_f32s(0.0);
                                    let delta = simd.select_f32s(has_won, delta, zero);
                                    sum = simd.add_f32s(sum, delta);
                                }
                                // the token is in the sample more than once
                                Some(_) => {}
                            }
                            before = Some(row);
                        }
                        update.apply(simd, place.add(lane), sum);
                    }
                }
            }
        }
    }
}

/// Applies the steps of an optimiser to rows whose gradients were 0 in them, and which were left as they were.
pub(crate) struct CatchUp<'a> {
    /// The tokens, each once.
    pub(crate) tokens: &'a [u32],
    /// The steps since all rows were up to date, all of which keep the same moments.
    pub(crate) rules: &'a [Rule],
    /// Whether one of them [decays](Rule::decays).
    pub(crate) decays: bool,
    /// For each row of the parameters, how many of these have been applied.
    pub(crate) applied: &'a [u32],
    /// Some blocks.
    pub(crate) parameters: Parameters<'a>,
}

impl Kernel for CatchUp<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let Some(first) = self.rules.first() else {
            return;
        };
        let (rows, blocks) = (self.applied.len(), self.parameters.weights.blocks);
        self.parameters.check(first, blocks, rows);
        first.with_any(simd, self.decays, self);
    }
}

impl<S: Lanes> WithUpdate<S> for CatchUp<'_> {
    #[inline(always)]
    fn with<U: Update<S>>(self, simd: S, update: U) {
        let vectors = self.parameters.weights.blocks * BLOCK / S::F32_LANES;
        for (at, &token) in self.tokens.iter().enumerate() {
            let next = self.tokens.get(at + AHEAD);
            if let Some((next, [_, ..])) = next.and_then(|&next| self.row(next)) {
                self.parameters.prefetch(next, U::MOMENTS);
            }
            let Some((row, rules)) = self.row(token) else {
                continue;
            };
            let mut at = 0;
            macro_rules! call {
                ($k:literal) => {
                    // SAFETY: the parameters have the blocks, the row and the moments, by the checks above, and that
                    // many vectors.
                    unsafe { self.apply::<S, U, $k>(simd, update, (at, row), rules) }
                };
            }
            by_vectors!(vectors, at, call);
        }
    }
}

impl CatchUp<'_> {
    /// The row of a token in the parameters, and the steps that it has yet to take.
    #[inline(always)]
    fn row(&self, token: u32) -> Option<(usize, &[Rule])> {
        let applied = *self.applied.get(token as usize)?;
        Some((token as usize, self.rules.get(applied as usize..)?))
    }

    /// Applies `rules` to `K` vectors of a row, from vector `at` on.
    ///
    /// # Safety
    /// The parameters have the row, that many vectors and the update's moments.
    #[inline(always)]
    unsafe fn apply<S: Lanes, U: Update<S>, const K: usize>(
        &self,
        simd: S,
        update: U,
        (at, row): (usize, usize),
        rules: &[Rule],
    ) {
        // loops, as `map` is not inlined into kernels
        let place = |k: usize| {
            let lane = (at + k) * S::F32_LANES;
            self.parameters.place(lane / BLOCK, row).add(lane % BLOCK)
        };
        // SAFETY: guaranteed by the caller.
        let mut vectors = unsafe { [Parameter::<S>::load(simd, place(0), U::MOMENTS); K] };
        let mut is_zero = true;
        for (k, vector) in vectors.iter_mut().enumerate() {
            // SAFETY: guaranteed by the caller.
            *vector = unsafe { Parameter::<S>::load(simd, place(k), U::MOMENTS) };
            for moment in vector.moments {
                is_zero &= simd.nonzero(moment) == 0;
            }
        }
        if rules.is_empty() || !self.decays && is_zero {
            // and remain so
            return;
        }
        for rule in rules {
            let update = update.by(simd, rule);
            for vector in &mut vectors {
                *vector = update.idle(simd, *vector);
            }
        }
        for (k, vector) in vectors.into_iter().enumerate() {
            // SAFETY: guaranteed by the caller.
            unsafe { vector.store(place(k), U::MOMENTS) };
        }
    }
}

/// The number of tokens by which their rows are fetched ahead.
const AHEAD: usize = 6;

impl Parameters<'_> {
    /// Fetches a row of all blocks and as many of its moments into the cache.
    #[inline(always)]
    fn prefetch(&self, row: usize, moments: usize) {
        for block in 0..self.weights.blocks {
            let place = self.place(block, row);
            prefetch(place.weights);
            place
                .moments
                .iter()
                .take(moments)
                .for_each(|&at| prefetch(at));
        }
    }
}
