//! One cycle: the learning rate of "super-convergence".

use serde::Serialize;

use super::anneal;
use crate::{
    error::Result,
    objective::range::{fraction, positive},
};

/// From `a = peak / start_divisor` up to `peak`, then down to `b = a / end_divisor`, both along half
/// a cosine.
///
#[doc = include_str!("../../../docs/schedules/one_cycle.svg")]
///
/// With `m = warm_up T - 1`, the step of the peak:
///
/// `peak + (a - peak) (1 + cos(pi s / m)) / 2` for `s <= m`, then
/// `b + (peak - b) (1 + cos(pi (s - m) / (T - 1 - m))) / 2`; `b` from step `T - 1` on.
///
/// Source: `torch.optim.lr_scheduler.OneCycleLR` with `cycle_momentum=False`; L. Smith, N. Topin,
/// "Super-convergence: very fast training of neural networks using large learning rates", 2017,
/// <https://arxiv.org/abs/1708.07120>.
///
/// ```
/// use tuplenet::prelude::*;
///
/// let schedule = Schedule::from(OneCycle::default());
/// let rate = |step| schedule.learning_rate(1e-3, step, 100);
/// assert!(rate(0) < 4.1e-5); // a 25th of the peak
/// assert_eq!(rate(29), 1e-3);
/// assert!(rate(99) < 4.1e-9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OneCycle {
    /// The fraction of the steps in which the rate rises, from 0 to 1; 0.3 by default. `pct_start` in PyTorch.
    pub warm_up: f64,
    /// `peak` over the first learning rate; 25 by default. `div_factor` in PyTorch.
    pub start_divisor: f64,
    /// The first learning rate over the last; 1e4 by default. `final_div_factor` in PyTorch.
    pub end_divisor: f64,
}

impl Default for OneCycle {
    fn default() -> Self {
        OneCycle {
            warm_up: 0.3,
            start_divisor: 25.0,
            end_divisor: 1e4,
        }
    }
}

impl OneCycle {
    pub(super) fn learning_rate(&self, peak: f64, step: u64, total_steps: u64) -> f64 {
        let (first, last_step) = (peak / self.start_divisor, total_steps as f64 - 1.0);
        let peak_step = self.warm_up * total_steps as f64 - 1.0;
        let step = (step as f64).min(last_step);
        if step < peak_step {
            anneal(first, peak, step / peak_step)
        } else if step == peak_step {
            peak // where the peak is the first or the last step, the fraction would be 0 / 0
        } else {
            let fraction = (step - peak_step) / (last_step - peak_step);
            anneal(peak, first / self.end_divisor, fraction)
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        fraction("warm-up", self.warm_up)?;
        positive("start divisor", self.start_divisor)?;
        positive("end divisor", self.end_divisor)
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
        let one_cycle = Schedule::from(OneCycle::default());
        near(one_cycle.learning_rate(0.5, 0, 10), 0.02);
        near(one_cycle.learning_rate(0.5, 2, 10), 0.5);
        near(one_cycle.learning_rate(0.5, 9, 10), 2e-6);
        near(one_cycle.learning_rate(0.5, u64::MAX, 10), 2e-6);
    }

    /// The peak may be the first step, with no rise, or the last, with no fall.
    #[test]
    fn a_peak_at_the_first_step_and_at_the_last() {
        let one_cycle = |warm_up| {
            let one_cycle = OneCycle {
                warm_up,
                start_divisor: 10.0,
                end_divisor: 100.0,
            };
            Schedule::from(one_cycle)
        };
        assert_eq!(one_cycle(0.25).learning_rate(2.0, 0, 4), 2.0);
        near(one_cycle(0.25).learning_rate(2.0, 3, 4), 2e-3);
        near(one_cycle(1.0).learning_rate(2.0, 0, 4), 0.2);
        assert_eq!(one_cycle(1.0).learning_rate(2.0, 3, 4), 2.0);
        assert_eq!(one_cycle(1.0).learning_rate(2.0, 0, 1), 2.0);
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let one_cycle = OneCycle::default();
        assert!(Schedule::from(one_cycle).check().is_ok());
        says(
            OneCycle {
                warm_up: 30.0,
                ..one_cycle
            },
            "warm-up: expected a number from 0 to 1, found 30",
        );
        says(
            OneCycle {
                start_divisor: 0.0,
                ..one_cycle
            },
            "start divisor: expected a finite number above 0, found 0",
        );
        says(
            OneCycle {
                end_divisor: f64::INFINITY,
                ..one_cycle
            },
            "end divisor: expected a finite number above 0, found inf",
        );
    }
}
