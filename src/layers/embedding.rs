//! [`Embedding`].

use crate::{
    layer::{First, Layer},
    plan::{Op, Plan},
    shape::{Category, Features, Image, Tokens},
};

/// `y = W[x]`: a vector of `D` learned features for each of `V` categories, such as users or countries; or for each
/// token of a sequence, such as the words of a text.
///
/// Input a category, [`Category<V>`](Category), output `[B, D]`; or [`Tokens<L, V>`](Tokens), output a
/// [`Sequence<D, L>`](crate::shape::Sequence), `[B, D, 1, L]`, for [`Conv1d`](super::Conv1d). Parameter: `weight` `[V, D]` row-major,
/// initially normal with mean 0 and deviation 1, as in `torch.nn.Embedding`. Token 0 of a sequence is the padding: its
/// row is initially 0 and has no gradient. In PyTorch, where convolutions have the channels first as here, that is
///
/// ```python
/// class TokenEmbedding(nn.Embedding):  # TokenEmbedding(V, D, padding_idx=0)
///     def forward(self, x):
///         return super().forward(x).transpose(1, 2)
/// ```
///
/// A training step updates the rows of its batch; what an optimiser with moments or weight decay does to the other rows
/// it does when they are next read, with the same results. Only clipping by norm reads the whole table in each step.
///
/// It takes categories or tokens of its own vocabulary: those of another do not compile. For a text whose order does
/// not matter, see [`EmbeddingBag`](super::EmbeddingBag), which is faster.
///
/// Source: `torch.nn.Embedding`.
///
/// ```
/// use tuplenet::{prelude::*, shape::Tokens, token::Token};
///
/// type Net = (Embedding<1000, 16>, Linear<16, 2>);
/// assert_eq!(Net::PARAMS, 1000 * 16 + 17 * 2);
///
/// let net = Fused::<Net>::new(Weights::init(1))?;
/// let user = Token::new(7).expect("7 < 1000");
/// let logits: [f32; 2] = net.predict(&user)?;
///
/// /// Triples of words anywhere in a text: Y. Kim, "Convolutional neural networks for sentence classification", 2014,
/// /// <https://arxiv.org/abs/1408.5882>.
/// type Text = (Tokens<64, 5000>, Embedding<5000, 32>, Conv1d<32, 64, 3>, ReLU, GlobalMaxPool2d, Linear<64, 2>);
/// assert_eq!(Text::PARAMS, 5000 * 32 + 64 * (32 * 3 + 1) + 2 * 65);
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

impl<const L: usize, const V: usize, const D: usize> Layer<Tokens<L, V>> for Embedding<V, D> {
    type Out = Image<D, 1, L>;
    const PLAN: Plan = Plan::embedding(Op::TokenEmbedding { vocabulary: V }, L, D * L);
}
