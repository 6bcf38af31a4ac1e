//! A linear warm-up before any curve.

use serde::Serialize;

use super::{Curve, Schedule};
use crate::{
    error::Result,
    objective::range::{fraction, fraction_above_zero},
};

/// `peak (start + (1 - start) s / W)` for `s < W`, then another curve over the remaining `T - W` steps;
/// `W = fraction T`, to the nearest step.
///
#[doc = include_str!("../../../docs/schedules/warm_up.svg")]
///
/// At the start of training, weights are random and Adam estimates its moments from few gradients: small steps do less
/// harm.
///
/// Source: `torch.optim.lr_scheduler.LinearLR` with `total_iters = W` and `start_factor = start`,
/// followed by another through `SequentialLR`; P. Goyal et al., "Accurate, large minibatch SGD: training
/// ImageNet in 1 hour", 2017, <https://arxiv.org/abs/1706.02677>.
///
/// ```
/// use tuplenet::prelude::*;
///
/// let schedule = WarmUp { fraction: 0.1, start: 0.01 }.then(Cosine::default());
/// let rate = |step| schedule.learning_rate(1.0, step, 100);
/// assert_eq!((rate(0), rate(10), rate(55)), (0.01, 1.0, 0.5));
///
/// let trainer = Trainer::new(Adam::default()).schedule(WarmUp::default().then(StepDecay::default()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct WarmUp {
    /// The fraction of the steps in which the rate rises, from 0 to 1; 0.05 by default.
    pub fraction: f64,
    /// The first learning rate as a fraction of `peak`, above 0 and at most 1; 0.01 by default.
    pub start: f64,
}

impl Default for WarmUp {
    fn default() -> Self {
        WarmUp {
            fraction: 0.05,
            start: 0.01,
        }
    }
}

impl WarmUp {
    /// The schedule that warms up and then follows `curve`.
    pub fn then(self, curve: impl Into<Curve>) -> Schedule {
        Schedule {
            warm_up: Some(self),
            curve: curve.into(),
        }
    }

    /// `W`.
    pub(super) fn steps(&self, total_steps: u64) -> u64 {
        (self.fraction * total_steps as f64).round() as u64
    }

    /// The learning rate of a step before `W`.
    pub(super) fn learning_rate(&self, peak: f64, step: u64, steps: u64) -> f64 {
        let done = step as f64 / steps as f64;
        peak * (self.start + (1.0 - self.start) * done)
    }

    pub(super) fn check(&self) -> Result<()> {
        fraction("fraction of the warm-up", self.fraction)?;
        fraction_above_zero("start of the warm-up", self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Cosine, OneCycle, StepDecay,
        tests::{near, says},
    };
    use super::*;

    #[test]
    fn after_the_warm_up_the_curve_spans_the_remaining_steps() {
        let warm_up = WarmUp {
            fraction: 0.25,
            start: 0.2,
        };
        let curves: [Curve; 4] = [
            Curve::Constant,
            OneCycle::default().into(),
            Cosine::default().into(),
            StepDecay::default().into(),
        ];
        for curve in curves {
            let (warm, alone) = (warm_up.then(curve), Schedule::from(curve));
            near(warm.learning_rate(2.0, 0, 40), 0.4);
            near(warm.learning_rate(2.0, 5, 40), 1.2);
            for step in (10..50).chain([u64::MAX]) {
                let expected = alone.learning_rate(2.0, step - 10, 30);
                assert_eq!(warm.learning_rate(2.0, step, 40), expected);
            }
        }
    }

    #[test]
    fn the_steps_are_rounded_to_the_nearest() {
        // fractions of 2.8, 3.5, 2.4, 0.45 and 0.6 steps
        let all = [
            (0.4, 7, 3),
            (0.25, 14, 4),
            (0.3, 8, 2),
            (0.05, 9, 0),
            (0.05, 12, 1),
        ];
        for (fraction, total_steps, steps) in all {
            let schedule = WarmUp {
                fraction,
                start: 0.5,
            }
            .then(Curve::Constant);
            let rate = |step| schedule.learning_rate(1.0, step, total_steps);
            assert_eq!(rate(steps), 1.0, "at the peak after {steps} steps");
            for step in 0..steps {
                near(rate(step), 0.5 + 0.5 * step as f64 / steps as f64);
            }
        }
    }

    #[test]
    fn a_fraction_of_zero_and_of_one() {
        let warm_up = |fraction| {
            WarmUp {
                fraction,
                start: 0.5,
            }
            .then(Cosine::default())
        };
        let cosine = Schedule::from(Cosine::default());
        for step in 0..=10 {
            let expected = cosine.learning_rate(1.0, step, 10);
            assert_eq!(warm_up(0.0).learning_rate(1.0, step, 10), expected);
        }
        near(warm_up(1.0).learning_rate(1.0, 9, 10), 0.95);
        near(warm_up(1.0).learning_rate(1.0, 10, 10), 0.95);
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        let warm_up = WarmUp::default();
        assert!(warm_up.then(Curve::Constant).check().is_ok());
        says(
            WarmUp {
                fraction: 500.0,
                ..warm_up
            }
            .then(Curve::Constant),
            "fraction of the warm-up: expected a number from 0 to 1, found 500",
        );
        says(
            WarmUp {
                start: 0.0,
                ..warm_up
            }
            .then(Curve::Constant),
            "start of the warm-up: expected a number above 0 and at most 1, found 0",
        );
        says(
            warm_up.then(Cosine { end: 2.0 }),
            "end of the cosine: expected a number from 0 to 1, found 2",
        );
    }
}
