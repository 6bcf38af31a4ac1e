//! [`Rankings`]: whether the relevant items are at the top of each user's ranking.

use crate::error::{Error, Result};

/// The ranked items of each user, and how relevant they are: hit rate and NDCG of recommendations.
///
/// Items of equal score have no order, so a metric is the mean over all orders of such items. A user without relevant
/// items counts as 0.
///
/// ```
/// use tuplenet::metrics::Rankings;
///
/// let mut rankings = Rankings::default();
/// rankings.push(&[0.1, 0.9, 0.4], &[0.0, 0.0, 1.0])?; // ranks: 3, 1, 2
/// rankings.push(&[0.5, 0.5], &[1.0, 0.0])?;
/// assert_eq!(rankings.hit_rate_at(1), Some((0.0 + 0.5) / 2.0));
/// assert_eq!(rankings.hit_rate_at(2), Some(1.0));
/// let second = 1.0 / 3f64.log2();
/// assert_eq!(rankings.ndcg_at(2), Some((second + (1.0 + second) / 2.0) / 2.0));
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rankings {
    users: Vec<Ranking>,
}

/// The ranking of one user.
#[derive(Clone, Debug, PartialEq)]
struct Ranking {
    /// Items of equal score, in descending order; those without relevant items are left out.
    ties: Vec<Tie>,
    /// The relevances above 0 in descending order: those of the ideal ranking.
    ideal: Vec<f64>,
}

/// Items of equal score.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tie {
    /// The rank of the first, from 0.
    first: usize,
    items: usize,
    /// How many have a relevance above 0.
    relevant: usize,
    /// The sum of their relevances.
    relevance: f64,
}

impl Rankings {
    /// Adds a user with the `scores` of the items that are ranked, highest first, and the `relevance` of each: 0 for an
    /// item that is not relevant, above 0 for one that is. A score of `-inf` is the last.
    ///
    /// # Errors
    /// [`Error::Data`] when the numbers of scores and relevances differ, for a score that is NaN, and for a relevance
    /// that is negative or not finite.
    pub fn push(&mut self, scores: &[f64], relevance: &[f64]) -> Result<()> {
        self.users.push(Ranking::new(scores, relevance)?);
        Ok(())
    }

    /// Adds a user with the `relevance` of the items in the order in which they are ranked, without ties.
    ///
    /// # Errors
    /// [`Error::Data`] for a relevance that is negative or not finite.
    pub fn push_ranked(&mut self, relevance: &[f64]) -> Result<()> {
        let scores: Vec<f64> = (0..relevance.len()).map(|rank| -(rank as f64)).collect();
        self.push(&scores, relevance)
    }

    /// The number of users.
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// HR@k: the fraction of users with a relevant item among their first `k`, from 0 to 1; `None` without users.
    ///
    /// Source: X. He et al., "Neural collaborative filtering", 2017, <https://arxiv.org/abs/1708.05031>, section 4.1.
    pub fn hit_rate_at(&self, k: usize) -> Option<f64> {
        self.mean(|user| user.hit_at(k))
    }

    /// NDCG@k: the mean over users of `DCG / IDCG`, from 0 to 1; `None` without users.
    ///
    /// `DCG = sum_r relevance_r / log2(r + 1)` over the first `k` ranks `r`, from 1; `IDCG` is that of the items ranked
    /// by their relevance. The relevance enters as it is, and not as `2^relevance - 1`.
    ///
    /// Source: `sklearn.metrics.ndcg_score` with `ignore_ties=False`, its default; K. Järvelin, J. Kekäläinen, "Cumulated
    /// gain-based evaluation of IR techniques", 2002; of ties: F. McSherry, M. Najork, "Computing information retrieval
    /// performance measures efficiently in the presence of tied scores", 2008.
    pub fn ndcg_at(&self, k: usize) -> Option<f64> {
        self.mean(|user| user.ndcg_at(k))
    }

    fn mean(&self, metric: impl Fn(&Ranking) -> f64) -> Option<f64> {
        let sum: f64 = self.users.iter().map(metric).sum();
        (!self.users.is_empty()).then(|| sum / self.users.len() as f64)
    }
}

impl Ranking {
    fn new(scores: &[f64], relevance: &[f64]) -> Result<Self> {
        check(scores, relevance)?;
        let mut items: Vec<(f64, f64)> = scores
            .iter()
            .copied()
            .zip(relevance.iter().copied())
            .collect();
        items.sort_unstable_by(|(a, _), (b, _)| b.total_cmp(a));
        let mut ties = Vec::new();
        let mut first = 0;
        for tie in items.chunk_by(|(a, _), (b, _)| a == b) {
            let relevant = tie.iter().filter(|(_, relevance)| *relevance > 0.0);
            let relevant = relevant.count();
            if relevant > 0 {
                ties.push(Tie {
                    first,
                    items: tie.len(),
                    relevant,
                    relevance: tie.iter().map(|(_, relevance)| relevance).sum(),
                });
            }
            first += tie.len();
        }
        let relevant = relevance.iter().filter(|relevance| **relevance > 0.0);
        let mut ideal: Vec<f64> = relevant.copied().collect();
        ideal.sort_unstable_by(|a, b| b.total_cmp(a));
        Ok(Ranking { ties, ideal })
    }

    /// The probability of a relevant item among the first `k`.
    fn hit_at(&self, k: usize) -> f64 {
        let missed = self.ties.iter().map(|tie| tie.misses(k));
        1.0 - missed.product::<f64>()
    }

    fn ndcg_at(&self, k: usize) -> f64 {
        let gains = self.ties.iter().map(|tie| {
            let ranks = tie.first..k.min(tie.first + tie.items);
            tie.relevance / tie.items as f64 * ranks.map(discount).sum::<f64>()
        });
        let ideal = self.ideal.iter().take(k).enumerate();
        let ideal: f64 = ideal.map(|(rank, gain)| gain * discount(rank)).sum();
        if ideal > 0.0 {
            gains.sum::<f64>() / ideal
        } else {
            0.0
        }
    }
}

impl Tie {
    /// The probability that none of the items among the first `k` is relevant: the places below `k` are filled by one
    /// of the items after the other.
    fn misses(&self, k: usize) -> f64 {
        let places = k.saturating_sub(self.first).min(self.items);
        let others = self.items - self.relevant;
        (0..places)
            .map(|taken| others.saturating_sub(taken) as f64 / (self.items - taken) as f64)
            .product()
    }
}

/// The discount of `rank`, from 0.
fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}

fn check(scores: &[f64], relevance: &[f64]) -> Result<()> {
    let refused = |expected: &str, found| {
        Err(Error::Data {
            sample: None,
            expected: expected.to_owned(),
            found,
        })
    };
    if scores.len() != relevance.len() {
        let found = format!("{} for {} scores", relevance.len(), scores.len());
        return refused("one relevance for each score", found);
    }
    if let Some(item) = scores.iter().position(|score| score.is_nan()) {
        return refused("a score that is a number", format!("NaN for item {item}"));
    }
    let is_valid = |relevance: &f64| relevance.is_finite() && *relevance >= 0.0;
    match relevance.iter().position(|relevance| !is_valid(relevance)) {
        Some(item) => {
            let found = format!("{} for item {item}", relevance[item]);
            refused("a relevance from 0", found)
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranked_items_have_their_place_as_rank() {
        let mut rankings = Rankings::default();
        assert_eq!((rankings.hit_rate_at(1), rankings.ndcg_at(1)), (None, None));
        rankings.push_ranked(&[0.0, 0.0, 1.0]).unwrap();
        let hits = [0, 1, 2, 3, 9].map(|k| rankings.hit_rate_at(k));
        assert_eq!(hits, [0.0, 0.0, 0.0, 1.0, 1.0].map(Some));
        let gains = [0, 2, 3, 9].map(|k| rankings.ndcg_at(k));
        assert_eq!(gains, [0.0, 0.0, 0.5, 0.5].map(Some)); // 1 / log2(4)
        rankings.push_ranked(&[0.0]).unwrap();
        rankings.push_ranked(&[]).unwrap();
        assert_eq!(rankings.users(), 3);
        assert_eq!(rankings.hit_rate_at(3), Some(1.0 / 3.0));
        assert_eq!(rankings.ndcg_at(3), Some(0.5 / 3.0));
    }

    #[test]
    fn a_hit_within_a_tie_is_a_probability() {
        // one item ahead, then four in any order, two of which are relevant
        let mut rankings = Rankings::default();
        rankings
            .push(&[2.0, 1.0, 1.0, 1.0, 1.0], &[0.0, 3.0, 0.0, 0.5, 0.0])
            .unwrap();
        let hits = [1, 2, 3, 4, 5].map(|k| rankings.hit_rate_at(k));
        // 1 - 2/4, 1 - 2/4 1/3
        let expected = [0.0, 0.5, 1.0 - 0.5 / 3.0, 1.0, 1.0];
        for (found, expected) in hits.into_iter().zip(expected) {
            assert!((found.unwrap() - expected).abs() < 1e-15, "{hits:?}");
        }
    }

    #[test]
    fn scores_and_relevances_out_of_range_are_refused() {
        let says = |scores: &[f64], relevance: &[f64], words: &str| {
            let error = Rankings::default().push(scores, relevance).unwrap_err();
            assert_eq!(error.to_string(), format!("data set: expected {words}"));
        };
        let words = "one relevance for each score, found 1 for 2 scores";
        says(&[0.0, 1.0], &[1.0], words);
        let words = "a score that is a number, found NaN for item 1";
        says(&[0.0, f64::NAN], &[1.0, 0.0], words);
        says(&[0.0], &[-1.0], "a relevance from 0, found -1 for item 0");
        let words = "a relevance from 0, found inf for item 0";
        says(&[0.0], &[f64::INFINITY], words);
    }
}
