//! Learning-rate schedules: the learning rate of each step of a training.
//!
//! A schedule is a shape and knows no lengths: `s` is the step, counted from 0, `T` the training's
//! number of steps, and `peak` the optimiser's learning rate.

use std::f64::consts::PI;

use serde::Serialize;

use super::range::{positive, share};
use crate::error::Result;

/// How the learning rate changes from step to step.
///
/// [`Trainer`](super::Trainer) knows the training's number of steps;
/// a [`Run`](crate::engine::Run) is told it as `total_steps`.
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Schedule {
    /// `peak` in every step.
    #[default]
    Constant,
    /// Up to the peak, then down to almost nothing.
    OneCycle(OneCycle),
    /// Down along half a cosine.
    Cosine(Cosine),
}

/// From `a = peak / start_divisor` up to `peak`, then down to `b = a / end_divisor`, both along half
/// a cosine. With `m = warm_up T - 1`, the step of the peak:
///
/// `peak + (a - peak) (1 + cos(pi s / m)) / 2` for `s <= m`, then
/// `b + (peak - b) (1 + cos(pi (s - m) / (T - 1 - m))) / 2`; `b` from step `T - 1` on.
///
/// Source: `torch.optim.lr_scheduler.OneCycleLR` with `cycle_momentum=False`; L. Smith, N. Topin,
/// "Super-convergence: very fast training of neural networks using large learning rates", 2017,
/// <https://arxiv.org/abs/1708.07120>.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OneCycle {
    /// The share of the steps that go up, from 0 to 1; 0.3 by default. `pct_start` in PyTorch.
    pub warm_up: f64,
    /// `peak` over the first learning rate; 25 by default. `div_factor` in PyTorch.
    pub start_divisor: f64,
    /// The first learning rate over the last; 1e4 by default. `final_div_factor` in PyTorch.
    pub end_divisor: f64,
}

/// `b + (peak - b) (1 + cos(pi s / T)) / 2` with `b = end peak`; `b` from step `T` on.
///
/// Source: `torch.optim.lr_scheduler.CosineAnnealingLR` with `T_max = T` and `eta_min = b`;
/// I. Loshchilov, F. Hutter, "SGDR: stochastic gradient descent with warm restarts", 2016,
/// <https://arxiv.org/abs/1608.03983>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Cosine {
    /// The last learning rate as a share of `peak`, from 0 to 1; 0 by default.
    pub end: f64,
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

impl From<OneCycle> for Schedule {
    fn from(one_cycle: OneCycle) -> Self {
        Schedule::OneCycle(one_cycle)
    }
}

impl From<Cosine> for Schedule {
    fn from(cosine: Cosine) -> Self {
        Schedule::Cosine(cosine)
    }
}

impl Schedule {
    /// The learning rate of step `step`, from 0, of a training of `total_steps`, at least 1;
    /// steps past the end keep the last learning rate.
    pub fn learning_rate(&self, peak: f64, step: u64, total_steps: u64) -> f64 {
        match self {
            Schedule::Constant => peak,
            Schedule::OneCycle(one_cycle) => one_cycle.learning_rate(peak, step, total_steps),
            Schedule::Cosine(Cosine { end }) => {
                let done = step.min(total_steps) as f64 / total_steps as f64;
                anneal(peak, end * peak, done)
            }
        }
    }

    /// Checks every setting's range.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a warm-up or an end outside `0..=1`, a divisor
    /// that is not finite and above 0.
    pub fn check(&self) -> Result<()> {
        match *self {
            Schedule::Constant => Ok(()),
            Schedule::OneCycle(one_cycle) => {
                share("warm-up", one_cycle.warm_up)?;
                positive("start divisor", one_cycle.start_divisor)?;
                positive("end divisor", one_cycle.end_divisor)
            }
            Schedule::Cosine(cosine) => share("end of the cosine", cosine.end),
        }
    }
}

impl OneCycle {
    fn learning_rate(&self, peak: f64, step: u64, total_steps: u64) -> f64 {
        let (first, last_step) = (peak / self.start_divisor, total_steps as f64 - 1.0);
        let peak_step = self.warm_up * total_steps as f64 - 1.0;
        let step = (step as f64).min(last_step);
        if step < peak_step {
            anneal(first, peak, step / peak_step)
        } else if step == peak_step {
            peak // a peak at step 0 or at the last has no share to speak of
        } else {
            let share = (step - peak_step) / (last_step - peak_step);
            anneal(peak, first / self.end_divisor, share)
        }
    }
}

/// Half a cosine from `from` to `to`, as `share` goes from 0 to 1.
fn anneal(from: f64, to: f64, share: f64) -> f64 {
    to + (from - to) / 2.0 * (1.0 + (PI * share).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_reached_and_kept() {
        let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-12 * b.abs(), "{a} against {b}");
        let one_cycle = Schedule::from(OneCycle::default());
        near(one_cycle.learning_rate(0.5, 0, 10), 0.02);
        near(one_cycle.learning_rate(0.5, 2, 10), 0.5);
        near(one_cycle.learning_rate(0.5, 9, 10), 2e-6);
        near(one_cycle.learning_rate(0.5, u64::MAX, 10), 2e-6);
        let cosine = Schedule::from(Cosine { end: 0.1 });
        near(cosine.learning_rate(0.5, 0, 10), 0.5);
        near(cosine.learning_rate(0.5, 5, 10), 0.275);
        near(cosine.learning_rate(0.5, 11, 10), 0.05);
    }

    #[test]
    fn no_warm_up_nothing_else_and_a_single_step_are_finite() {
        for (warm_up, total_steps) in [(0.0, 1), (0.3, 1), (1.0, 1), (0.0, 7), (1.0, 7), (0.1, 10)]
        {
            let schedule = Schedule::from(OneCycle {
                warm_up,
                ..OneCycle::default()
            });
            for step in 0..=total_steps {
                let rate = schedule.learning_rate(1.0, step, total_steps);
                assert!(
                    rate > 0.0 && rate <= 1.0,
                    "{warm_up}, {total_steps}: {rate}"
                );
            }
        }
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let says = |schedule: Schedule, words: &str| {
            assert_eq!(schedule.check().unwrap_err().to_string(), words);
        };
        let one_cycle = OneCycle::default();
        assert!(Schedule::from(one_cycle).check().is_ok());
        says(
            OneCycle {
                warm_up: 30.0,
                ..one_cycle
            }
            .into(),
            "warm-up: expected a number from 0 to 1, found 30",
        );
        says(
            OneCycle {
                start_divisor: 0.0,
                ..one_cycle
            }
            .into(),
            "start divisor: expected a finite number above 0, found 0",
        );
        says(
            OneCycle {
                end_divisor: f64::INFINITY,
                ..one_cycle
            }
            .into(),
            "end divisor: expected a finite number above 0, found inf",
        );
        says(
            Cosine { end: f64::NAN }.into(),
            "end of the cosine: expected a number from 0 to 1, found NaN",
        );
    }
}
