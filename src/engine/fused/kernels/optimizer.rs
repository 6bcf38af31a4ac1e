//! Optimisers: the update of a vector of parameters by its gradient. Formulas and sources:
//! [`Optimizer`](crate::objective::Optimizer).

use super::{Lanes, Rule, load, store};

/// Running means below this are flushed to 0.
///
/// While a parameter's gradient stays 0, its mean decays without end; operations on denormal numbers, below 1e-38,
/// take a hundred times as long on many processors, and the mean is still multiplied by the learning rate.
const MIN_MEAN: f32 = 1e-30;
/// The minimum of the second moment: its root is a valid divisor, and negligible compared with any epsilon in use.
const MIN_DENOMINATOR: f32 = 1e-36;

/// Pointers to a row of a block of parameters and to its moments; those of absent moments are dangling.
#[derive(Clone, Copy)]
pub(super) struct ParameterPtr {
    pub(super) weights: *mut f32,
    pub(super) moments: [*mut f32; 2],
}

impl ParameterPtr {
    #[inline(always)]
    pub(super) fn add(self, values: usize) -> ParameterPtr {
        ParameterPtr {
            weights: self.weights.wrapping_add(values),
            // not `map`, which is not inlined into every loop
            moments: [
                self.moments[0].wrapping_add(values),
                self.moments[1].wrapping_add(values),
            ],
        }
    }
}

/// A vector of parameters and of the moments that the optimiser keeps for them; those that it does not keep are 0.
#[derive(Clone, Copy)]
pub(super) struct Parameter<S: Lanes> {
    pub(super) weight: S::f32s,
    pub(super) moments: [S::f32s; 2],
}

impl<S: Lanes> Parameter<S> {
    /// # Safety
    /// The weights at `place` and as many of its moments are valid for reads of a vector.
    #[inline(always)]
    pub(super) unsafe fn load(simd: S, place: ParameterPtr, moments: usize) -> Self {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let weight = load::<S>(place.weights);
            let moment = |at: usize| match at < moments {
                true => load::<S>(place.moments[at]),
                false => simd.splat_f32s(0.0),
            };
            let moments = [moment(0), moment(1)];
            Parameter { weight, moments }
        }
    }

    /// # Safety
    /// The weights at `place` and as many of its moments are valid for writes of a vector.
    #[inline(always)]
    pub(super) unsafe fn store(self, place: ParameterPtr, moments: usize) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            for (at, moment) in self.moments.into_iter().enumerate().take(moments) {
                store::<S>(place.moments[at], moment);
            }
            store::<S>(place.weights, self.weight);
        }
    }
}

/// The update of a vector of parameters by its gradient.
pub(super) trait Update<S: Lanes>: Copy {
    /// The number of moments.
    const MOMENTS: usize;

    /// The parameters after the update.
    fn next(self, simd: S, old: Parameter<S>, gradient: S::f32s) -> Parameter<S>;

    /// The same update in a step by another rule of the same optimiser.
    fn by(self, simd: S, rule: &Rule) -> Self;

    /// The parameters after an update by a gradient of 0.
    #[inline(always)]
    fn idle(self, simd: S, old: Parameter<S>) -> Parameter<S> {
        self.next(simd, old, simd.splat_f32s(0.0))
    }

    /// Updates the parameters in memory.
    ///
    /// # Safety
    /// The weights at `place`, and the moments that the rule keeps, are valid for reads and writes of
    /// a vector.
    #[inline(always)]
    unsafe fn apply(self, simd: S, place: ParameterPtr, gradient: S::f32s) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            let old = Parameter::load(simd, place, Self::MOMENTS);
            self.next(simd, old, gradient).store(place, Self::MOMENTS);
        }
    }
}

/// Flushes magnitudes below [`MIN_MEAN`] to 0; NaN remains.
#[inline(always)]
fn flush<S: Lanes>(simd: S, mean: S::f32s) -> S::f32s {
    let negligible = simd.less_than_f32s(simd.abs_f32s(mean), simd.splat_f32s(MIN_MEAN));
    simd.select_f32s(negligible, simd.splat_f32s(0.0), mean)
}

/// Writes the gradient to the first moment, and leaves the weights as they are.
#[derive(Clone, Copy)]
pub(super) struct Store;

impl<S: Lanes> Update<S> for Store {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn by(self, _: S, _: &Rule) -> Self {
        self
    }

    #[inline(always)]
    fn next(self, simd: S, old: Parameter<S>, gradient: S::f32s) -> Parameter<S> {
        Parameter {
            moments: [gradient, simd.splat_f32s(0.0)],
            ..old
        }
    }

    #[inline(always)]
    unsafe fn apply(self, _: S, place: ParameterPtr, gradient: S::f32s) {
        // SAFETY: guaranteed by the caller.
        unsafe { store::<S>(place.moments[0], gradient) };
    }
}

#[derive(Clone, Copy)]
pub(super) struct SgdUpdate<S: Lanes> {
    pub(super) rate: S::f32s,
    pub(super) decay: S::f32s,
}

impl<S: Lanes> Update<S> for SgdUpdate<S> {
    const MOMENTS: usize = 0;

    #[inline(always)]
    fn by(self, simd: S, rule: &Rule) -> Self {
        match *rule {
            Rule::Sgd { rate, decay } => SgdUpdate {
                rate: simd.splat_f32s(rate),
                decay: simd.splat_f32s(decay),
            },
            _ => self,
        }
    }

    #[inline(always)]
    fn next(self, simd: S, old: Parameter<S>, gradient: S::f32s) -> Parameter<S> {
        let gradient = simd.mul_add_e_f32s(self.decay, old.weight, gradient);
        Parameter {
            weight: simd.minus_product(old.weight, self.rate, gradient),
            ..old
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct MomentumUpdate<S: Lanes> {
    pub(super) rate: S::f32s,
    pub(super) momentum: S::f32s,
    pub(super) nesterov: bool,
    pub(super) decay: S::f32s,
}

impl<S: Lanes> Update<S> for MomentumUpdate<S> {
    const MOMENTS: usize = 1;

    #[inline(always)]
    fn by(self, simd: S, rule: &Rule) -> Self {
        match *rule {
            Rule::Momentum {
                rate,
                momentum,
                nesterov,
                decay,
            } => MomentumUpdate {
                rate: simd.splat_f32s(rate),
                momentum: simd.splat_f32s(momentum),
                nesterov,
                decay: simd.splat_f32s(decay),
            },
            _ => self,
        }
    }

    #[inline(always)]
    fn next(self, simd: S, old: Parameter<S>, gradient: S::f32s) -> Parameter<S> {
        let [velocity, none] = old.moments;
        let gradient = simd.mul_add_e_f32s(self.decay, old.weight, gradient);
        let velocity = simd.mul_add_e_f32s(self.momentum, velocity, gradient);
        let velocity = flush(simd, velocity);
        let step = if self.nesterov {
            simd.mul_add_e_f32s(self.momentum, velocity, gradient)
        } else {
            velocity
        };
        Parameter {
            weight: simd.minus_product(old.weight, self.rate, step),
            moments: [velocity, none],
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct AdamUpdate<S: Lanes> {
    pub(super) betas: [S::f32s; 2],
    pub(super) complements: [S::f32s; 2],
    pub(super) step: S::f32s,
    pub(super) epsilon: S::f32s,
}

impl<S: Lanes> Update<S> for AdamUpdate<S> {
    const MOMENTS: usize = 2;

    #[inline(always)]
    fn by(self, simd: S, rule: &Rule) -> Self {
        match *rule {
            Rule::Adam {
                betas,
                complements,
                step,
                epsilon,
                ..
            } => AdamUpdate {
                betas: [simd.splat_f32s(betas[0]), simd.splat_f32s(betas[1])],
                complements: [
                    simd.splat_f32s(complements[0]),
                    simd.splat_f32s(complements[1]),
                ],
                step: simd.splat_f32s(step),
                epsilon: simd.splat_f32s(epsilon),
            },
            _ => self,
        }
    }

    #[inline(always)]
    fn next(self, simd: S, old: Parameter<S>, gradient: S::f32s) -> Parameter<S> {
        let [mean, square] = old.moments;
        let new = simd.mul_f32s(self.complements[0], gradient);
        let mean = simd.mul_add_e_f32s(self.betas[0], mean, new);
        let new = simd.mul_f32s(self.complements[1], gradient);
        let new = simd.mul_add_e_f32s(new, gradient, simd.splat_f32s(MIN_DENOMINATOR));
        let square = simd.mul_add_e_f32s(self.betas[1], square, new);
        self.step(simd, old.weight, mean, square)
    }

    /// The same operations, less those whose result is 0.
    #[inline(always)]
    fn idle(self, simd: S, old: Parameter<S>) -> Parameter<S> {
        let [mean, square] = old.moments;
        let mean = simd.mul_f32s(self.betas[0], mean);
        let new = simd.splat_f32s(MIN_DENOMINATOR);
        let square = simd.mul_add_e_f32s(self.betas[1], square, new);
        self.step(simd, old.weight, mean, square)
    }
}

impl<S: Lanes> AdamUpdate<S> {
    /// The parameters after a step with these moments.
    #[inline(always)]
    fn step(self, simd: S, weight: S::f32s, mean: S::f32s, square: S::f32s) -> Parameter<S> {
        let mean = flush(simd, mean);
        let change = simd.over_root(simd.mul_f32s(self.step, mean), square, self.epsilon);
        Parameter {
            weight: simd.sub_f32s(weight, change),
            moments: [mean, square],
        }
    }
}

/// [`AdamUpdate`] with weight decay of either kind.
#[derive(Clone, Copy)]
pub(super) struct DecayedAdam<S: Lanes> {
    pub(super) adam: AdamUpdate<S>,
    pub(super) decay: S::f32s,
    pub(super) keep: S::f32s,
}

impl<S: Lanes> Update<S> for DecayedAdam<S> {
    const MOMENTS: usize = 2;

    #[inline(always)]
    fn by(self, simd: S, rule: &Rule) -> Self {
        match *rule {
            Rule::Adam { decay, keep, .. } => DecayedAdam {
                adam: self.adam.by(simd, rule),
                decay: simd.splat_f32s(decay),
                keep: simd.splat_f32s(keep),
            },
            _ => self,
        }
    }

    #[inline(always)]
    fn next(self, simd: S, old: Parameter<S>, gradient: S::f32s) -> Parameter<S> {
        let gradient = simd.mul_add_e_f32s(self.decay, old.weight, gradient);
        let kept = Parameter {
            weight: simd.mul_f32s(self.keep, old.weight),
            ..old
        };
        self.adam.next(simd, kept, gradient)
    }
}
