//! [`Residual`].

use core::marker::PhantomData;

use super::Identity;
use crate::{
    layer::{First, Layer},
    plan::Plan,
    shape::{Features, Flat, Image, Shape},
};

/// The sum of two branches: `y = F(x) + P(x)`. Without `P`, `y = F(x) + x`, a skip connection.
///
/// Input of any shape that both branches take, output of the shape that both give. The parameters are those of `F`, then
/// those of `P`, a projection where `F` changes the shape. In weights files they have the names of this module, so that
/// files work in both directions:
///
/// ```python
/// class Residual(nn.Module):
///     def __init__(self, body, shortcut=nn.Identity()):
///         super().__init__()
///         self.body, self.shortcut = body, shortcut  # names: 3.body.0.weight, 3.shortcut.0.weight
///     def forward(self, x):
///         return self.body(x) + self.shortcut(x)
/// ```
///
/// Source: K. He et al., "Deep residual learning for image recognition", 2015, <https://arxiv.org/abs/1512.03385>,
/// equations 1 and 2.
///
/// ```
/// use tuplenet::{prelude::*, shape::Image};
///
/// type Block<const C: usize> = Residual<(Conv2d<C, C, 3, 1, 1>, ReLU, Conv2d<C, C, 3, 1, 1>)>;
/// type Down<const C: usize, const D: usize> =
///     Residual<(Conv2d<C, D, 3, 2, 1>, ReLU, Conv2d<D, D, 3, 1, 1>), (Conv2d<C, D, 1, 2>,)>;
/// type Net = (Image<8, 12, 12>, Block<8>, ReLU, Down<8, 16>, ReLU, GlobalAvgPool2d, Linear<16, 10>);
/// assert_eq!(Net::PARAMS, 2 * 8 * (8 * 9 + 1) + 16 * (8 * 9 + 1) + 16 * (16 * 9 + 1) + 16 * (8 + 1) + 10 * 17);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Residual<F, P = Identity>(PhantomData<(F, P)>);

impl<S, F, P> Layer<S> for Residual<F, P>
where
    F: Layer<S>,
    P: Layer<S>,
    F::Out: AddedTo<P::Out, S>,
{
    type Out = <F::Out as AddedTo<P::Out, S>>::Sum;
    const PLAN: Plan = Plan::residual(F::PLAN, P::PLAN, Self::Out::LEN);
}

impl<F: First, P> First for Residual<F, P> {
    type In = F::In;
}

/// The output of a body, to which the output `Other` of the shortcut can be added: the same shape. `In` is the input,
/// for the message.
///
/// Not meant for users: it exists for its error message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the body of a `Residual` of `{In}` gives `{Self}`, its shortcut gives `{Other}`: they cannot be added",
    label = "the branches of this `Residual` do not fit together",
    note = "both branches give the same shape; where `F` does not give the shape that it takes, add a \
        projection, `Residual<F, P>`, as in `Residual<(Conv2d<8, 16, 3, 2, 1>,), (Conv2d<8, 16, 1, 2>,)>`"
)]
pub trait AddedTo<Other, In> {
    /// The shape of the sum.
    type Sum: Shape;
}

#[diagnostic::do_not_recommend]
impl<const C: usize, const H: usize, const W: usize, In> AddedTo<Image<C, H, W>, In>
    for Image<C, H, W>
{
    type Sum = Self;
}

#[diagnostic::do_not_recommend]
impl<const N: usize, In> AddedTo<Features<N>, In> for Features<N> {
    type Sum = Self;
}

#[diagnostic::do_not_recommend]
impl<S: Shape, In> AddedTo<Flat<S>, In> for Flat<S> {
    type Sum = Self;
}
