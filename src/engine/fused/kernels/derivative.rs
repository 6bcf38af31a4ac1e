//! The derivatives of the operations after a layer.

use super::{Lanes, load};

/// The derivative of the operations after a layer up to the next one, for each of its outputs. `V` is a view of values.
#[derive(Clone, Copy)]
pub(crate) enum Derivative<V> {
    /// Nothing follows: 1.
    One,
    /// ReLU with these outputs: 0 where they are 0 or below, else 1, which propagates NaN.
    Relu(V),
    /// The stored derivatives.
    Stored(V),
}

impl<V> Derivative<V> {
    /// The same derivatives, in part of the values.
    pub(crate) fn map<W>(self, part: impl FnOnce(V) -> W) -> Derivative<W> {
        match self {
            Derivative::One => Derivative::One,
            Derivative::Relu(values) => Derivative::Relu(part(values)),
            Derivative::Stored(values) => Derivative::Stored(part(values)),
        }
    }

    /// The values that are read, if any are.
    pub(super) fn values(&self) -> Option<&V> {
        match self {
            Derivative::One => None,
            Derivative::Relu(values) | Derivative::Stored(values) => Some(values),
        }
    }

    /// `gradient` times the derivatives at the place that `place` names in the values.
    ///
    /// # Safety
    /// That place is valid for reads of a vector.
    #[inline(always)]
    pub(super) unsafe fn apply<S: Lanes>(
        &self,
        simd: S,
        place: impl FnOnce(&V) -> *const f32,
        gradient: S::f32s,
    ) -> S::f32s {
        match self {
            Derivative::One => gradient,
            Derivative::Relu(outputs) => {
                let zero = simd.splat_f32s(0.0);
                // SAFETY: guaranteed by the caller.
                let output = unsafe { load::<S>(place(outputs)) };
                simd.select_f32s(simd.less_than_or_equal_f32s(output, zero), zero, gradient)
            }
            Derivative::Stored(derivatives) => {
                // SAFETY: guaranteed by the caller.
                simd.mul_f32s(gradient, unsafe { load::<S>(place(derivatives)) })
            }
        }
    }
}
