//! Step decay.

use serde::Serialize;

use crate::{error::Result, objective::range::fraction_above_zero};

/// Larger than the rounding error of a number of periods (a relative 1e-16), smaller than what one step adds.
const ROUNDING: f64 = 1e-9;

/// `peak factor^k` after `k` whole periods, `k = floor(s / (period T))`; constant from step `T - 1` on.
///
#[doc = include_str!("../../../docs/schedules/step_decay.svg")]
///
/// The period is a fraction of the training steps, so the same setting divides training of any length into the same
/// parts. Where a period is not a whole number of steps, each drop is at the first step after that many whole periods,
/// so drops do not drift.
///
/// By default, the rate is divided by 10 after each third of training: every 30 of 90 epochs, as for ResNets on
/// ImageNet.
///
/// Source: `torch.optim.lr_scheduler.StepLR` with `step_size = period T` and `gamma = factor`;
/// K. He et al., "Deep residual learning for image recognition", 2015,
/// <https://arxiv.org/abs/1512.03385>.
///
/// ```
/// use tuplenet::prelude::*;
///
/// let schedule = Schedule::from(StepDecay { period: 0.25, factor: 0.5 });
/// let rates = [0, 24, 25, 50, 99].map(|step| schedule.learning_rate(1.0, step, 100));
/// assert_eq!(rates, [1.0, 1.0, 0.5, 0.25, 0.125]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StepDecay {
    /// The fraction of the steps from one drop to the next, above 0 and at most 1; a third by default.
    pub period: f64,
    /// The factor of the learning rate at each drop, above 0 and at most 1; 0.1 by default.
    pub factor: f64,
}

impl Default for StepDecay {
    fn default() -> Self {
        StepDecay {
            period: 1.0 / 3.0,
            factor: 0.1,
        }
    }
}

impl StepDecay {
    pub(super) fn learning_rate(&self, peak: f64, step: u64, total_steps: u64) -> f64 {
        let step = step.min(total_steps.saturating_sub(1));
        let periods = step as f64 / (self.period * total_steps as f64);
        peak * self.factor.powf((periods + ROUNDING).floor())
    }

    pub(super) fn check(&self) -> Result<()> {
        fraction_above_zero("period of the step decay", self.period)?;
        fraction_above_zero("factor of the step decay", self.factor)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Schedule,
        tests::{near, says},
    };
    use super::*;

    /// In `f64`, 0.07 of 100 steps are 7.000000000000001, but the first drop is at step 7.
    #[test]
    fn every_whole_period_begins_with_a_drop() {
        for total_steps in [1u64, 3, 10, 30, 90, 100, 1000, 60_000] {
            for steps in (1..=total_steps).filter(|steps| total_steps.is_multiple_of(*steps)) {
                let period = steps as f64 / total_steps as f64;
                let decay = StepDecay {
                    period,
                    factor: 0.999,
                };
                for drops in 1..total_steps / steps {
                    let rate = |step| decay.learning_rate(1.0, step, total_steps);
                    near(rate(drops * steps), 0.999f64.powf(drops as f64));
                    near(rate(drops * steps - 1), 0.999f64.powf(drops as f64 - 1.0));
                }
            }
        }
        let decay = StepDecay {
            period: 0.07,
            factor: 0.5,
        };
        assert_eq!(decay.learning_rate(1.0, 7, 100), 0.5);
    }

    #[test]
    fn thirds_of_ten_steps_do_not_drift_and_the_last_is_kept() {
        let decay = Schedule::from(StepDecay::default());
        let levels =
            [0, 3, 4, 6, 7, 9, 10, u64::MAX].map(|step| decay.learning_rate(1.0, step, 10));
        let expected = [1.0, 1.0, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01];
        for (level, expected) in levels.into_iter().zip(expected) {
            near(level, expected);
        }
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let decay = StepDecay::default();
        assert!(Schedule::from(decay).check().is_ok());
        says(
            StepDecay {
                period: 30.0,
                ..decay
            },
            "period of the step decay: expected a number above 0 and at most 1, found 30",
        );
        says(
            StepDecay {
                factor: 0.0,
                ..decay
            },
            "factor of the step decay: expected a number above 0 and at most 1, found 0",
        );
    }
}
