//! [`IntegratedGradients`]: attributes a logit to the features of a sample.
//!
//! Dims: `I` = inputs. `x` is the sample, `b` the baseline, `z` the logit of the explained class.

use super::path::{Path, Step};
use crate::{
    engine::{Tape, TapeDevice, check_class},
    error::{Error, Result},
    network::Network,
    objective::at_least_one,
    shape::{Numbers, Sample, Shape},
};

/// Attributes the logit of a class to the features. The attribution of feature `i` is `a_i = (x_i - b_i) ∫ dz/dx_i(b +
/// t (x - b)) dt` for `t` from 0 to 1.
///
/// Attributions satisfy completeness: `sum_i a_i = z(x) - z(b)`. Completeness also holds for each part of the path
/// from `b` to `x`, where the gap measures the error of numerical integration. So the path is divided into equal
/// steps, each integrated by the two-point Gauss-Legendre rule; while the total gap is too large, the steps with the
/// largest gaps are halved. This refines the path around the kinks of ReLUs; smooth networks need no refinement.
///
/// Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", 2017; sections 3 and 5.
///
/// ```
/// use tuplenet::{explain::IntegratedGradients, prelude::*};
///
/// type Net = (Linear<2, 3>, Tanh, Linear<3, 2>);
/// let net = Tape::<Net>::new(Weights::init(1))?;
/// let found = IntegratedGradients::new().explain(&net, &[0.5, -1.0], 1)?;
///
/// let [at_sample, at_zeros] = [net.predict(&[0.5, -1.0])?, net.predict(&[0.0; 2])?];
/// assert!((found.values.iter().sum::<f32>() - (at_sample[1] - at_zeros[1])).abs() < 1e-5);
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct IntegratedGradients<S: Numbers> {
    baseline: S::Array,
    steps: usize,
    max_steps: usize,
    tolerance: f64,
}

/// The attribution of each feature, as computed by [`IntegratedGradients`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attributions<A> {
    /// `a`, `[I]`: how much of the difference is due to each feature.
    pub values: A,
    /// `z(x) - z(b)`, which the attributions should add up to.
    pub difference: f64,
    /// `sum_i a_i - (z(x) - z(b))`, the completeness gap of `values` and `difference`, in `f64`; at most `allowed` in
    /// magnitude.
    pub gap: f64,
    /// The largest gap that was accepted; see [`IntegratedGradients::tolerance`].
    pub allowed: f64,
    /// The number of steps of the path, with two gradients each.
    pub steps: usize,
}

impl<S: Numbers> Default for IntegratedGradients<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Numbers> IntegratedGradients<S> {
    /// A baseline of zeros, 32 initial steps, at most 8192 steps, and a tolerance of 0.001.
    pub fn new() -> Self {
        IntegratedGradients {
            baseline: S::zeros(),
            steps: 32,
            max_steps: 8192,
            tolerance: 1e-3,
        }
    }

    /// The baseline, an uninformative sample where the path begins; zeros by default.
    pub fn baseline(mut self, baseline: &impl Sample<S>) -> Self {
        S::values_mut(&mut self.baseline).copy_from_slice(baseline.values());
        self
    }

    /// The initial number of equal steps, at least 1.
    pub fn steps(mut self, steps: usize) -> Self {
        self.steps = steps;
        self
    }

    /// The maximum number of steps, not below the initial number. Each keeps `I` values in memory.
    pub fn max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }

    /// The largest accepted gap relative to `|z(x) - z(b)|`; the network computes both logits in `f32`.
    ///
    /// A gap of `2 ε (|z(x)| + |z(b)| + ∫ sum_i |(x_i - b_i) dz/dx_i| dt)`, `ε = 2^-23`, is always accepted: it is the
    /// rounding error of `f32`, and exceeds the relative tolerance only where the difference is small compared with
    /// the terms that cancel in it.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The attribution of each feature of the sample for the logit of `class`.
    ///
    /// # Errors
    /// [`Error::Setting`] when `class` is not below the number of classes, for 0 steps, for a maximum below the
    /// initial number of steps, or for a tolerance that is negative or not finite; [`Error::Data`] when the sample or
    /// the baseline is not finite; [`Error::Incomplete`] when the maximum number of steps does not suffice;
    /// [`Error::Device`] when the device fails.
    pub fn explain<N: Network<In = S>, D: TapeDevice>(
        &self,
        net: &Tape<N, D>,
        sample: &impl Sample<S>,
        class: usize,
    ) -> Result<Attributions<S::Array>> {
        check_class(class, N::Output::LEN)?;
        self.check_steps()?;
        check_finite("sample", sample.values())?;
        check_finite("baseline", S::values(&self.baseline))?;
        let path = Path {
            net,
            class,
            from: S::values(&self.baseline),
            to: sample.values(),
        };
        let (begin, end, mut steps) = path.divide(self.steps)?;
        let difference = end.logit - begin.logit;
        loop {
            let integrals = path.values(&steps);
            let sum: f64 = integrals.iter().copied().map(f64::from).sum();
            let gap = sum - difference;
            let incomplete = |steps| Error::Incomplete {
                class,
                expected: difference,
                found: sum,
                steps,
            };
            if !gap.is_finite() {
                // more steps do not help
                return Err(incomplete(steps.len()));
            }
            let sizes: f64 = steps.iter().map(|step| step.size).sum();
            let rounding =
                2.0 * f64::from(f32::EPSILON) * (begin.logit.abs() + end.logit.abs() + sizes);
            let allowed = rounding.max(self.tolerance * difference.abs());
            if gap.abs() <= allowed {
                let mut values = S::zeros();
                S::values_mut(&mut values).copy_from_slice(&integrals);
                return Ok(Attributions {
                    values,
                    difference,
                    gap,
                    allowed,
                    steps: steps.len(),
                });
            }
            // The total gap is the sum of the steps' gaps, up to the rounding of `values`, so the largest exceeds its
            // share. Steps far below it wait: where a step's gap is the rounding error of `f32`, halving does not
            // reduce it.
            let share = allowed / steps.len() as f64;
            let worst = steps.iter().fold(0.0, |a: f64, step| a.max(step.gap.abs()));
            let bound = if worst > share {
                share.max(worst / 4.0)
            } else {
                worst / 2.0
            };
            let (coarse, fine): (Vec<Step>, Vec<Step>) =
                steps.into_iter().partition(|step| step.gap.abs() > bound);
            let taken = fine.len() + coarse.len();
            if coarse.is_empty() || taken + coarse.len() > self.max_steps {
                return Err(incomplete(taken));
            }
            steps = fine;
            steps.extend(path.halve(&coarse)?);
        }
    }

    fn check_steps(&self) -> Result<()> {
        let refused = |setting, expected: String, found: String| {
            Err(Error::Setting {
                setting,
                expected,
                found,
            })
        };
        at_least_one("steps", self.steps)?;
        if self.max_steps < self.steps {
            let expected = format!("{} or more, the initial number of steps", self.steps);
            return refused(
                "maximum number of steps",
                expected,
                self.max_steps.to_string(),
            );
        }
        if !(self.tolerance >= 0.0 && self.tolerance.is_finite()) {
            let expected = "a finite number from 0".to_owned();
            return refused("tolerance", expected, self.tolerance.to_string());
        }
        Ok(())
    }
}

/// # Errors
/// [`Error::Data`] when one of the values is not finite.
fn check_finite(what: &str, values: &[f32]) -> Result<()> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(value) => Err(Error::Data {
            sample: None,
            expected: format!("a {what} that is finite"),
            found: value.to_string(),
        }),
        None => Ok(()),
    }
}
