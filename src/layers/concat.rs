//! [`Concat`].

use core::marker::PhantomData;

use crate::{
    layer::{First, Layer},
    plan::Plan,
    shape::{Features, Image, Shape},
    sizes::{Addend, Dim, Plus, Row, Size, Whole},
};

/// The outputs of 2 to 8 branches of the same input, one after another: `y = [A(x), B(x), ..]`, images along their
/// channels, vectors along their features, as `torch.cat([a(x), b(x), ..], dim=1)`.
///
/// Input of any shape that all branches take. Images of the same height and width give `[B, C1 + C2 + .., H, W]`,
/// vectors `[B, N1 + N2 + ..]`. The sum is 512 or less. Each branch is a layer or a tuple of layers, so that a sequence
/// of layers is a tuple within the tuple of branches, as in `Concat<(Identity, (Conv2d<8, 4, 3, 1, 1>, ReLU))>`.
///
/// The parameters are those of the branches, in order. In weights files they have the names of this module, so that files
/// work in both directions:
///
/// ```python
/// class Concat(nn.Module):
///     def __init__(self, *branches):  # each an nn.Sequential or nn.Identity()
///         super().__init__()
///         self.branches = nn.ModuleList(branches)  # names: 3.branches.0.0.weight, 3.branches.1.2.weight
///     def forward(self, x):
///         return torch.cat([branch(x) for branch in self.branches], dim=1)
/// ```
///
/// As the first layer of a network, its first branch states the width of the input; with `Identity` as the first branch, put
/// `Input<N>` or an `Image` before it.
///
/// In generic code the bound that a concatenation needs is that it is a layer, as in
/// `where Concat<(Identity, Linear<N, 8>)>: Layer<Features<N>>`; an alias, `type Dense<const C: usize> = Concat<..>`, needs none.
///
/// Sources: C. Szegedy et al., "Going deeper with convolutions", 2014, <https://arxiv.org/abs/1409.4842>, figure 2 (a);
/// G. Huang et al., "Densely connected convolutional networks", 2016, <https://arxiv.org/abs/1608.06993>, equation 2.
///
/// ```
/// use tuplenet::{prelude::*, shape::Image};
///
/// /// A layer of a DenseNet: `G` more channels.
/// type Dense<const C: usize, const G: usize> = Concat<(Identity, (BatchNorm2d<C>, ReLU, Conv2d<C, G, 3, 1, 1>))>;
/// /// A block of GoogLeNet that gives `4 D` channels.
/// type Inception<const C: usize, const D: usize> = Concat<(
///     (Conv2d<C, D, 1>, ReLU),
///     (Conv2d<C, D, 1>, ReLU, Conv2d<D, D, 3, 1, 1>, ReLU),
///     (Conv2d<C, D, 1>, ReLU, Conv2d<D, D, 5, 1, 2>, ReLU),
///     (MaxPool2d<3, 1, 1>, Conv2d<C, D, 1>, ReLU),
/// )>;
/// type Net = (Image<8, 12, 12>, Dense<8, 4>, Dense<12, 4>, Inception<16, 8>, GlobalAvgPool2d, Linear<32, 10>);
/// assert_eq!(Net::PLAN.steps()[4].path.to_string(), "1.branches.1.0");
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Concat<B>(PhantomData<B>);

// For three branches the macro writes
//
//     impl<A: First, B, C> First for Concat<(A, B, C)> { type In = A::In; }
//     impl<In, A: Layer<In>, B: Layer<In>, C: Layer<In>> Layer<In> for Concat<(A, B, C)>
//     where A::Out: Before<B::Out, In>, <A::Out as Before<B::Out, In>>::Both: Before<C::Out, In> {
//         type Out = <<A::Out as Before<B::Out, In>>::Both as Before<C::Out, In>>::Both;
//         const PLAN: Plan = Plan::concat(&[A::PLAN, B::PLAN, C::PLAN], Self::Out::LEN);
//     }
//
// It recurses over the branches with accumulators: [bounds] [output of those before], then the remaining branches.
macro_rules! concat {
    ($first:ident $($rest:ident)*) => {
        impl<$first: First, $($rest),*> First for Concat<($first, $($rest,)*)> {
            type In = $first::In;
        }
        concat!(@fold [$first $($rest)*] [] [$first::Out] $($rest)*);
    };
    (@fold [$($name:ident)*] [$($bounds:tt)*] [$($out:tt)*]) => {
        impl<In, $($name: Layer<In>),*> Layer<In> for Concat<($($name,)*)>
        where
            $($bounds)*
        {
            type Out = $($out)*;
            const PLAN: Plan = Plan::concat(&[$($name::PLAN),*], <Self::Out as Shape>::LEN);
        }
    };
    (@fold [$($name:ident)*] [$($bounds:tt)*] [$($out:tt)*] $next:ident $($rest:ident)*) => {
        concat!(@fold [$($name)*] [$($bounds)* $($out)*: Before<$next::Out, In>,]
            [<$($out)* as Before<$next::Out, In>>::Both] $($rest)*);
    };
}
concat!(A B);
concat!(A B C);
concat!(A B C D);
concat!(A B C D E);
concat!(A B C D E F);
concat!(A B C D E F G);
concat!(A B C D E F G H);

/// The outputs of the first branches, before which the output `Next` of the next branch can be put: both are images
/// with the same sides, or both are vectors.
///
/// Not meant for users: it exists for its error message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a branch of a `Concat` of `{In}` gives `{Next}`, and those before it give `{Self}`: they cannot be concatenated",
    label = "the branches of this `Concat` do not fit together",
    note = "all branches give images with the same height and width, or all give vectors; together they have at most 512 \
        channels or features"
)]
pub trait Before<Next, In> {
    /// The shape of both together.
    type Both: Shape;
}

#[diagnostic::do_not_recommend]
impl<const C: usize, const D: usize, const H: usize, const W: usize, In> Before<Image<D, H, W>, In>
    for Image<C, H, W>
where
    Size<C>: Dim,
    Size<D>: Dim<Row: Row<Digits: Addend>>,
    Plus<Size<C>, Size<D>>: Whole,
{
    type Both = <Plus<Size<C>, Size<D>> as Whole>::Image<H, W>;
}

#[diagnostic::do_not_recommend]
impl<const N: usize, const M: usize, In> Before<Features<M>, In> for Features<N>
where
    Size<N>: Dim,
    Size<M>: Dim<Row: Row<Digits: Addend>>,
    Plus<Size<N>, Size<M>>: Whole,
{
    type Both = <Plus<Size<N>, Size<M>> as Whole>::Features;
}
