//! What happens to a sum before it is stored.

use super::{Lanes, derivative::Derivative, load, store};

/// What happens to a sum before it is stored. `V` is a view of values.
#[derive(Clone, Copy)]
pub(crate) enum Epilogue<V> {
    /// It is an output, with ReLU if `relu`.
    Output { relu: bool },
    /// It is a gradient, which is multiplied by these derivatives.
    Derivative(Derivative<V>),
}

impl<V> Epilogue<V> {
    /// The values that are read, if any are.
    pub(super) fn values(&self) -> Option<&V> {
        match self {
            Epilogue::Derivative(derivative) => derivative.values(),
            Epilogue::Output { .. } => None,
        }
    }

    /// What is stored for `sum`; `place` names its place in the values.
    ///
    /// # Safety
    /// That place is valid for reads of a vector.
    #[inline(always)]
    pub(super) unsafe fn apply<S: Lanes>(
        &self,
        simd: S,
        place: impl FnOnce(&V) -> *const f32,
        sum: S::f32s,
    ) -> S::f32s {
        match self {
            Epilogue::Output { relu: false } => sum,
            Epilogue::Output { relu: true } => simd.relu(sum),
            // SAFETY: guaranteed by the caller.
            Epilogue::Derivative(derivative) => unsafe { derivative.apply(simd, place, sum) },
        }
    }

    /// Stores `sum` at `to`, plus what is there if `adds`; `place` as for [`Epilogue::apply`].
    ///
    /// # Safety
    /// As [`Epilogue::apply`]; `to` is valid for reads and writes of a vector.
    #[inline(always)]
    pub(super) unsafe fn store<S: Lanes>(
        &self,
        simd: S,
        adds: bool,
        to: *mut f32,
        place: impl FnOnce(&V) -> *const f32,
        mut sum: S::f32s,
    ) {
        // SAFETY: guaranteed by the caller.
        unsafe {
            if adds {
                sum = simd.add_f32s(load::<S>(to), sum);
            }
            store::<S>(to, self.apply(simd, place, sum));
        }
    }
}
