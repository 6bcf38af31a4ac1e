//! [`Repeat`].

use core::marker::PhantomData;

use crate::{
    layer::{First, Layer},
    plan::Plan,
};

/// `F` repeated `N` times, each time with parameters of its own: `y = F(F(..F(x)))`.
///
/// Input of a shape that `F` keeps, output of the same. Its layers are numbered as if they were written out.
///
/// ```
/// use tuplenet::prelude::*;
///
/// type Deep = (Linear<784, 64>, ReLU, Repeat<3, (Linear<64, 64>, ReLU)>, Linear<64, 10>);
/// type Written =
///     (Linear<784, 64>, ReLU, (Linear<64, 64>, ReLU), (Linear<64, 64>, ReLU), (Linear<64, 64>, ReLU), Linear<64, 10>);
/// assert_eq!(Deep::PLAN, Written::PLAN);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Repeat<const N: usize, F>(PhantomData<F>);

impl<S, F, const N: usize> Layer<S> for Repeat<N, F>
where
    F: Layer<S>,
    F::Out: Repeats<S>,
{
    type Out = S;
    const PLAN: Plan = {
        let mut plan = Plan::identity();
        let mut i = 0;
        while i < N {
            plan = plan.then(F::PLAN);
            i += 1;
        }
        plan
    };
}

impl<F: First, const N: usize> First for Repeat<N, F> {
    type In = F::In;
}

/// The output of a layer that can take it again: the shape of its input.
///
/// Not meant for users: it exists for its error message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a layer that takes `{In}` and gives `{Self}` cannot be repeated",
    label = "a repeated layer gives the shape that it takes"
)]
pub trait Repeats<In> {}

#[diagnostic::do_not_recommend]
impl<S> Repeats<S> for S {}
