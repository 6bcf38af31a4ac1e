//! Embeddings: pooled rows of a table, and the update of the rows that a batch has read.
//!
//! Dims: `B` = batch size, `L` = tokens of a sample, `V` = vocabulary, `O` = outputs.

use super::{
    Kernel, Lanes, load,
    optimizer::{Parameter, ParameterPtr, Update},
    prefetch, store,
    update::{Parameters, Rule, WithUpdate},
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
                for block in 0..blocks {
                    // SAFETY: the words are below the vocabulary; the assertions above are those that it requires.
                    unsafe { self.pool(simd, block, row, words, count == 0) };
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
    /// Pools the rows of `words` with what the output has, or with nothing if these are the first.
    ///
    /// # Safety
    /// The words are below the vocabulary, which the table has; block and row are within the output and the winners.
    #[inline(always)]
    unsafe fn pool<S: Lanes>(
        &mut self,
        simd: S,
        block: usize,
        row: usize,
        (words, factors): (&[usize], &[f32]),
        is_first: bool,
    ) {
        let is_max = self.embedding.pools_by(Pooling::Max);
        let is_weighted = self.embedding.pools_by(Pooling::Weighted);
        for lane in (0..BLOCK).step_by(S::F32_LANES) {
            // SAFETY: guaranteed by the caller; a vector from `lane` on is within 16 lanes.
            unsafe {
                let place = self.output.at(block, row).wrapping_add(lane);
                let of = |word: usize| load::<S>(self.table.at(block, word).wrapping_add(lane));
                if !is_max {
                    let mut sum = match is_first {
                        true => simd.splat_f32s(0.0),
                        false => load::<S>(place),
                    };
                    if is_weighted {
                        for (&word, &factor) in words.iter().zip(factors) {
                            sum = simd.mul_add_e_f32s(simd.splat_f32s(factor), of(word), sum);
                        }
                    } else {
                        for &word in words {
                            sum = simd.add_f32s(sum, of(word));
                        }
                    }
                    store::<S>(place, sum);
                    continue;
                }
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
    /// The token of the parameters' first row.
    pub(crate) first: usize,
    pub(crate) rule: Rule,
    /// Some rows of the same blocks of the table, with all of the tokens.
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
        let rows = self.rows();
        self.parameters.check(&self.rule, blocks, rows);
        let rule = self.rule;
        rule.with(simd, self);
    }
}

impl TableGradient<'_> {
    /// The number of rows of the parameters up to that of the largest token.
    ///
    /// # Panics
    /// When a token is before the first.
    fn rows(&self) -> usize {
        let tokens = self.occurrences.tokens.iter();
        assert!(tokens.clone().all(|&token| token as usize >= self.first));
        tokens
            .max()
            .map_or(0, |&last| last as usize - self.first + 1)
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
                self.parameters
                    .prefetch(next as usize - self.first, moments);
            }
            let range = start..end as usize;
            let rows = rows.get(range.clone()).unwrap_or_default();
            let factors = factors.get(range).unwrap_or_default();
            start = end as usize;
            let number = simd.splat_f32s(token as f32);
            for block in 0..self.delta.blocks {
                let place = self.parameters.place(block, token as usize - self.first);
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
    /// The token of the parameters' first row.
    pub(crate) first: usize,
    /// The steps since all rows were up to date.
    pub(crate) rules: &'a [Rule],
    /// For each row of the parameters, how many of these have been applied.
    pub(crate) applied: &'a [u32],
    /// Some blocks.
    pub(crate) parameters: Parameters<'a>,
}

impl CatchUp<'_> {
    /// The row of a token in the parameters, and the steps that it has yet to take.
    #[inline(always)]
    fn row(&self, token: u32) -> Option<(usize, &[Rule])> {
        let row = (token as usize).checked_sub(self.first)?;
        let applied = *self.applied.get(row)?;
        Some((row, self.rules.get(applied as usize..)?))
    }

    /// Applies `rules` to `K` vectors of a row, from vector `at` on.
    ///
    /// # Safety
    /// The parameters have the row, that many vectors and the rules' moments.
    #[inline(always)]
    unsafe fn apply<S: Lanes, const K: usize>(
        &self,
        simd: S,
        row: usize,
        at: usize,
        rules: &[Rule],
    ) {
        let Some(first) = rules.first() else {
            return;
        };
        let moments = first.moments();
        let places: [ParameterPtr; K] = std::array::from_fn(|k| {
            let lane = (at + k) * S::F32_LANES;
            self.parameters.place(lane / BLOCK, row).add(lane % BLOCK)
        });
        // SAFETY: guaranteed by the caller.
        let mut vectors = places.map(|place| unsafe { Parameter::<S>::load(simd, place, moments) });
        let is_zero = |&moment: &S::f32s| simd.nonzero(moment) == 0;
        let mut kept = vectors.iter().flat_map(|vector| &vector.moments);
        if first.skips_inactive() && kept.all(is_zero) {
            // and remain so
            return;
        }
        for rule in rules {
            let vectors = &mut vectors;
            rule.with(simd, ZeroGradient { vectors });
        }
        for (vector, place) in vectors.into_iter().zip(places) {
            // SAFETY: guaranteed by the caller.
            unsafe { vector.store(place, moments) };
        }
    }
}

impl Kernel for CatchUp<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Lanes>(self, simd: S) {
        let (rows, blocks) = (self.applied.len(), self.parameters.weights.blocks);
        let mut moments = 0;
        for rule in self.rules {
            self.parameters.check(rule, blocks, rows);
            moments = rule.moments();
        }
        let vectors = blocks * BLOCK / S::F32_LANES;
        for (at, &token) in self.tokens.iter().enumerate() {
            let next = self.tokens.get(at + AHEAD);
            if let Some((next, [_, ..])) = next.and_then(|&next| self.row(next)) {
                self.parameters.prefetch(next, moments);
            }
            let Some((row, rules)) = self.row(token) else {
                continue;
            };
            let mut vector = 0;
            while vector < vectors {
                // SAFETY: the parameters have the blocks and the row, by the checks above, and that many vectors.
                unsafe {
                    // several at a time, as each step needs the results of the one before
                    match vectors - vector {
                        4.. => self.apply::<S, 4>(simd, row, vector, rules),
                        2..4 => self.apply::<S, 2>(simd, row, vector, rules),
                        _ => self.apply::<S, 1>(simd, row, vector, rules),
                    }
                }
                vector += match vectors - vector {
                    4.. => 4,
                    2..4 => 2,
                    _ => 1,
                };
            }
        }
    }
}

/// The update of vectors of parameters whose gradients are 0.
struct ZeroGradient<'a, S: Lanes, const K: usize> {
    vectors: &'a mut [Parameter<S>; K],
}

impl<S: Lanes, const K: usize> WithUpdate<S> for ZeroGradient<'_, S, K> {
    #[inline(always)]
    fn with<U: Update<S>>(self, simd: S, update: U) {
        for vector in self.vectors {
            *vector = update.idle(simd, *vector);
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
