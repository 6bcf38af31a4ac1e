//! [`Embedding`].

use crate::{
    layer::{First, Layer},
    plan::{Op, Plan},
    shape::{Category, Features},
};

/// `y = W[x]`: a vector of `D` learned features for each of `V` categories, such as users or countries.
///
/// Input a category, [`Category<V>`](Category), output `[B, D]`. Parameter: `weight` `[V, D]` row-major, initially normal
/// with mean 0 and deviation 1, as in `torch.nn.Embedding`. A training step updates the rows of its batch; what an
/// optimiser with moments or weight decay does to the other rows it does when they are next read, with the same results.
///
/// It takes categories of its own vocabulary: those of another do not compile. For a sequence of words, see
/// [`EmbeddingBag`](super::EmbeddingBag).
///
/// Source: `torch.nn.Embedding`.
///
/// ```
/// use tuplenet::{prelude::*, token::Token};
///
/// type Net = (Embedding<1000, 16>, Linear<16, 2>);
/// assert_eq!(Net::PARAMS, 1000 * 16 + 17 * 2);
///
/// let net = Fused::<Net>::new(Weights::init(1))?;
/// let user = Token::new(7).expect("7 < 1000");
/// let logits: [f32; 2] = net.predict(&user)?;
/// # Ok::<(), tuplenet::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Embedding<const V: usize, const D: usize>;

impl<const V: usize, const D: usize> Layer<Category<V>> for Embedding<V, D> {
    type Out = Features<D>;
    const PLAN: Plan = Plan::embedding(Op::Embedding { vocabulary: V }, 1, D);
}

impl<const V: usize, const D: usize> First for Embedding<V, D> {
    type In = Category<V>;
}
