//! [`Parallel`].

use core::{fmt::Debug, marker::PhantomData};

use super::{Sum, concat::Before};
use crate::{
    layer::{First, Layer},
    plan::{Join, Plan},
    shape::{Features, Pair, Part, Shape},
};

/// Two branches, each of its own input, and their outputs one after another: `y = [A(a), B(b)]`. With `Parallel<(A, B), Sum>`
/// their sum, `y = A(a) + B(b)`; with `Parallel<(A, B), Dot>` their dot product, `y = sum_i A(a)[i] B(b)[i]`.
///
/// Input [`Pair<SA, SB>`](Pair) of what the branches take; both give vectors, whatever they read. Output `[B, N + M]`,
/// at most 512, `[B, N]`, or `[B, 1]`. Each branch is a layer or a tuple of layers; for a third input, a branch is a
/// `Parallel` of a pair within the pair.
///
/// In weights files the parameters have the names of this module, so that files work in both directions:
///
/// ```python
/// class Parallel(nn.Module):
///     def __init__(self, a, b):  # each an nn.Sequential
///         super().__init__()
///         self.branches = nn.ModuleList([a, b])  # names: 0.branches.0.0.weight, 0.branches.1.0.weight
///     def forward(self, inputs):
///         a, b = self.branches[0](inputs[0]), self.branches[1](inputs[1])
///         return torch.cat([a, b], dim=1)  # or a + b, or (a * b).sum(1, keepdim=True)
/// ```
///
/// ```
/// use tuplenet::{layers::Dot, prelude::*, shape::{Image, Pair}, token::Token};
///
/// /// How much one of 600 users likes one of 9000 films: matrix factorisation.
/// type Rating = (Parallel<(Embedding<600, 16>, Embedding<9000, 16>), Dot>,);
/// let net = Fused::<Rating>::new(Weights::init(1))?;
/// let (user, film) = (Token::new(7).expect("7 < 600"), Token::new(8999).expect("8999 < 9000"));
/// let [stars] = net.predict(&Pair(user, film))?;
///
/// /// A price from 10 numbers and one of 50 districts.
/// type Price = (Parallel<((Linear<10, 32>, ReLU), Embedding<50, 8>)>, Linear<40, 1>);
/// assert_eq!(Price::PARAMS, 32 * 11 + 50 * 8 + 41);
///
/// /// A diagnosis from an image and 3 numbers, which are standardised.
/// type Scan = (Image<1, 28, 28>, Conv2d<1, 8, 5>, ReLU, GlobalMaxPool2d);
/// type Diagnosis = (Parallel<(Scan, (Standardize<3>, Linear<3, 8>))>, Linear<16, 2>);
/// assert_eq!(Diagnosis::PARAMS, 8 * 26 + 8 * 4 + 2 * 17);
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Parallel<B, J = Joined>(PhantomData<(B, J)>);

/// How a [`Parallel`] joins the outputs of its branches: one after another.
#[derive(Clone, Copy, Debug, Default)]
pub struct Joined;

/// How a [`Parallel`] joins the outputs of its branches: by their dot product.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dot;

/// How the outputs `A` and `B` of two branches are joined.
///
/// Not meant for users: it exists for its error message.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not join branches that give `{A}` and `{B}`",
    label = "the branches of this `Parallel` do not fit together",
    note = "both branches give vectors, `Features<N>`: of the same width for `Sum` and `Dot`, of 512 features together otherwise"
)]
pub trait JoinOf<A, B>: Debug {
    /// The shape of the joined outputs.
    type Out: Shape;
    /// The same, in the plan.
    const JOIN: Join;
}

#[diagnostic::do_not_recommend]
impl<A: Before<B, Features<1>>, B> JoinOf<A, B> for Joined {
    type Out = A::Both;
    const JOIN: Join = Join::Concat;
}

#[diagnostic::do_not_recommend]
impl<const N: usize> JoinOf<Features<N>, Features<N>> for Sum {
    type Out = Features<N>;
    const JOIN: Join = Join::Sum;
}

#[diagnostic::do_not_recommend]
impl<const N: usize> JoinOf<Features<N>, Features<N>> for Dot {
    type Out = Features<1>;
    const JOIN: Join = Join::Dot;
}

impl<SA: Part, SB: Part, A: Layer<SA>, B: Layer<SB>, J: JoinOf<A::Out, B::Out>> Layer<Pair<SA, SB>>
    for Parallel<(A, B), J>
{
    type Out = J::Out;
    const PLAN: Plan = Plan::parallel([A::PLAN, B::PLAN], [SA::LEN, SB::LEN], J::JOIN, J::Out::LEN);
}

impl<A: First<In: Part>, B: First<In: Part>, J> First for Parallel<(A, B), J> {
    type In = Pair<A::In, B::In>;
}
