//! [`EmbeddingBag`].

use core::{fmt::Debug, marker::PhantomData};

use crate::{
    layer::Layer,
    plan::{Op, Plan, Pooling},
    shape::{Features, Pair, Tokens},
};

/// One vector of `D` learned features for a sequence of tokens: the mean of a vector for each token, or with
/// `EmbeddingBag<V, D, Sum>` their sum, with `EmbeddingBag<V, D, Max>` of each feature the largest.
///
/// Input [`Tokens<L, V>`](Tokens), output `[B, D]`. Parameter: `weight` `[V, D]` row-major, initially normal with mean 0 and
/// deviation 1, except for row 0, which is and remains 0. Token 0 is the padding: it is not part of the mean, sum or maximum,
/// which are 0 for a sequence of nothing else. As `torch.nn.EmbeddingBag(V, D, mode="mean", padding_idx=0)`, where such a
/// sequence is also 0. The order of the tokens does not matter.
///
/// `EmbeddingBag<V, D, Weighted>` takes a number for each token, [`Pair<Tokens<L, V>, Features<L>>`](crate::shape::Pair),
/// and gives the sum of the vectors, each times its number: the product of a sparse vector of `V` features, of which up
/// to `L` are not 0, and a matrix. As `torch.nn.EmbeddingBag(V, D, mode="sum", padding_idx=0)` with `per_sample_weights`.
/// A data set of such vectors is made by `Dataset::from_csr`.
///
/// A training step updates the rows of its batch; what an optimiser with moments or weight decay does to the other rows it
/// does when they are next read, with the same results. Only [clipping](crate::layers::EmbeddingBag#clipping) reads the whole
/// table in each step.
///
/// It takes tokens of its own vocabulary: those of another do not compile.
///
/// # Clipping
/// With clipping by norm, each step stores, measures and applies the gradient of the whole table.
///
/// Source: `torch.nn.EmbeddingBag`.
///
/// ```
/// use tuplenet::{layers::Max, prelude::*, shape::Tokens};
///
/// /// Texts of up to 64 words out of 20,000.
/// type Net = (Tokens<64, 20_000>, EmbeddingBag<20_000, 16>, Linear<16, 2>);
/// assert_eq!(Net::PARAMS, 20_000 * 16 + 17 * 2);
///
/// type Largest = (Tokens<64, 20_000>, EmbeddingBag<20_000, 16, Max>, Linear<16, 2>);
/// assert_eq!(Largest::PLAN.params(), Net::PARAMS);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbeddingBag<const V: usize, const D: usize, P = Mean>(PhantomData<P>);

/// How an [`EmbeddingBag`] makes one vector of those of all tokens: [`Mean`], [`Sum`] or [`Max`]; [`Weighted`] takes
/// numbers as well.
pub trait Pool: Debug + 'static {
    /// The pooling, in the plan.
    const POOLING: Pooling;
}

/// The mean of all vectors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mean;

impl Pool for Mean {
    const POOLING: Pooling = Pooling::Mean;
}

/// The sum of all vectors; also how a [`Parallel`](super::Parallel) may join its branches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum;

impl Pool for Sum {
    const POOLING: Pooling = Pooling::Sum;
}

/// Of each feature the largest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Max;

impl Pool for Max {
    const POOLING: Pooling = Pooling::Max;
}

/// The plan of a bag that reads `inputs` values.
const fn bag(vocabulary: usize, features: usize, inputs: usize, pooling: Pooling) -> Plan {
    let op = Op::EmbeddingBag {
        vocabulary,
        pooling,
    };
    Plan::embedding(op, inputs, features)
}

impl<const L: usize, const V: usize, const D: usize, P: Pool> Layer<Tokens<L, V>>
    for EmbeddingBag<V, D, P>
{
    type Out = Features<D>;
    const PLAN: Plan = bag(V, D, L, P::POOLING);
}

/// The sum of the vectors, each times a number.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weighted;

impl<const L: usize, const V: usize, const D: usize> Layer<Pair<Tokens<L, V>, Features<L>>>
    for EmbeddingBag<V, D, Weighted>
{
    type Out = Features<D>;
    const PLAN: Plan = bag(V, D, 2 * L, Pooling::Weighted);
}
