//! Cosine annealing.

use serde::Serialize;

use super::anneal;
use crate::{error::Result, objective::range::fraction};

/// `b + (peak - b) (1 + cos(pi s / T)) / 2` with `b = end peak`; `b` from step `T` on.
///
#[doc = include_str!("../../../docs/schedules/cosine.svg")]
///
/// Source: `torch.optim.lr_scheduler.CosineAnnealingLR` with `T_max = T` and `eta_min = b`;
/// I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2016,
/// <https://arxiv.org/abs/1608.03983>.
///
/// ```
/// use tuplenet::prelude::*;
///
/// let schedule = Schedule::from(Cosine::default());
/// assert_eq!(schedule.learning_rate(1e-3, 0, 100), 1e-3);
/// assert_eq!(schedule.learning_rate(1e-3, 50, 100), 5e-4);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cosine {
    /// The last learning rate as a fraction of `peak`, from 0 to 1; 0 by default.
    pub end: f64,
}

impl Cosine {
    pub(super) fn learning_rate(&self, peak: f64, step: u64, total_steps: u64) -> f64 {
        let done = step.min(total_steps) as f64 / total_steps as f64;
        anneal(peak, self.end * peak, done)
    }

    pub(super) fn check(&self) -> Result<()> {
        fraction("end of the cosine", self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Schedule,
        tests::{near, says},
    };
    use super::*;

    #[test]
    fn the_ends_are_reached_and_kept() {
        let cosine = Schedule::from(Cosine { end: 0.1 });
        near(cosine.learning_rate(0.5, 0, 10), 0.5);
        near(cosine.learning_rate(0.5, 5, 10), 0.275);
        near(cosine.learning_rate(0.5, 11, 10), 0.05);
    }

    #[test]
    fn an_end_out_of_range_is_refused_by_name() {
        says(
            Cosine { end: f64::NAN },
            "end of the cosine: expected a number from 0 to 1, found NaN",
        );
    }
}
