//! Learning-rate schedules: the learning rate of each training step.
//!
//! A schedule is a curve that does not depend on the number of steps: `s` is the step, counted from 0, `T` the total
//! number of training steps, and `peak` the optimiser's learning rate.

mod cosine;
mod one_cycle;
mod step_decay;
mod warm_up;

use std::f64::consts::PI;

use serde::Serialize;

pub use self::{cosine::Cosine, one_cycle::OneCycle, step_decay::StepDecay, warm_up::WarmUp};
use crate::error::Result;

/// How the learning rate changes from step to step: a [`Curve`], after a [`WarmUp`] if there is one.
///
/// [`Trainer`](crate::train::Trainer) knows the training's number of steps;
/// a [`Run`](crate::engine::Run) carries it as `total_steps`.
///
/// `into` converts a curve to a schedule; [`WarmUp::then`] adds a warm-up before it.
///
/// ```
/// use tuplenet::prelude::*;
///
/// let trainer = Trainer::new(Adam::default()).schedule(OneCycle::default());
/// let trainer = Trainer::new(Adam::default()).schedule(WarmUp::default().then(Cosine::default()));
///
/// let constant = Schedule::CONSTANT;
/// assert_eq!(constant.learning_rate(1e-3, 7, 100), 1e-3);
/// ```
///
#[doc = include_str!("../../../docs/schedules/constant.svg")]
#[doc = include_str!("../../../docs/schedules/one_cycle.svg")]
#[doc = include_str!("../../../docs/schedules/cosine.svg")]
#[doc = include_str!("../../../docs/schedules/step_decay.svg")]
#[doc = include_str!("../../../docs/schedules/warm_up.svg")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Schedule {
    /// The warm-up; none by default.
    pub warm_up: Option<WarmUp>,
    /// The curve after it; constant by default.
    pub curve: Curve,
}

/// How the learning rate changes after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub enum Curve {
    /// `peak` in every step.
    #[default]
    Constant,
    /// Up to the peak, then down to almost 0.
    OneCycle(OneCycle),
    /// Down along half a cosine.
    Cosine(Cosine),
    /// Down in steps.
    StepDecay(StepDecay),
}

impl From<OneCycle> for Curve {
    fn from(one_cycle: OneCycle) -> Self {
        Curve::OneCycle(one_cycle)
    }
}

impl From<Cosine> for Curve {
    fn from(cosine: Cosine) -> Self {
        Curve::Cosine(cosine)
    }
}

impl From<StepDecay> for Curve {
    fn from(step_decay: StepDecay) -> Self {
        Curve::StepDecay(step_decay)
    }
}

impl<C: Into<Curve>> From<C> for Schedule {
    fn from(curve: C) -> Self {
        Schedule {
            warm_up: None,
            curve: curve.into(),
        }
    }
}

impl Schedule {
    /// `peak` in every step.
    pub const CONSTANT: Schedule = Schedule {
        warm_up: None,
        curve: Curve::Constant,
    };

    /// The learning rate of step `step`, from 0, in training of `total_steps` steps, at least 1; steps past the end
    /// keep the last learning rate.
    pub fn learning_rate(&self, peak: f64, step: u64, total_steps: u64) -> f64 {
        let Some(warm_up) = self.warm_up else {
            return self.curve.learning_rate(peak, step, total_steps);
        };
        let steps = warm_up.steps(total_steps);
        if steps == total_steps {
            return warm_up.learning_rate(peak, step.min(steps.saturating_sub(1)), steps);
        }
        match step.checked_sub(steps) {
            None => warm_up.learning_rate(peak, step, steps),
            Some(step) => self.curve.learning_rate(peak, step, total_steps - steps),
        }
    }

    /// Checks every setting's range.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) for a warm-up fraction or an end outside `0..=1`, a start, a period
    /// or a factor that is not above 0 and at most 1, or a divisor that is not finite and above 0.
    pub fn check(&self) -> Result<()> {
        self.warm_up.map_or(Ok(()), |warm_up| warm_up.check())?;
        match self.curve {
            Curve::Constant => Ok(()),
            Curve::OneCycle(one_cycle) => one_cycle.check(),
            Curve::Cosine(cosine) => cosine.check(),
            Curve::StepDecay(step_decay) => step_decay.check(),
        }
    }
}

impl Curve {
    fn learning_rate(&self, peak: f64, step: u64, total_steps: u64) -> f64 {
        match self {
            Curve::Constant => peak,
            Curve::OneCycle(one_cycle) => one_cycle.learning_rate(peak, step, total_steps),
            Curve::Cosine(cosine) => cosine.learning_rate(peak, step, total_steps),
            Curve::StepDecay(step_decay) => step_decay.learning_rate(peak, step, total_steps),
        }
    }
}

/// Half a cosine from `from` to `to`, as `fraction` goes from 0 to 1.
fn anneal(from: f64, to: f64, fraction: f64) -> f64 {
    to + (from - to) / 2.0 * (1.0 + (PI * fraction).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn near(a: f64, b: f64) {
        // a few rounding errors of 1e-16 each
        assert!((a - b).abs() <= 1e-12 * b.abs(), "{a} against {b}");
    }

    pub(super) fn says(schedule: impl Into<Schedule>, words: &str) {
        assert_eq!(schedule.into().check().unwrap_err().to_string(), words);
    }
}
