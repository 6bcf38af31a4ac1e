//! [`Embedding`]: rows of a table for the tokens of a sample.

use crate::plan::Pooling;

/// An embedding of the network's input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Embedding {
    /// The index of its table among the program's parameters.
    pub(crate) weights: usize,
    /// The first token among the values of a sample.
    pub(crate) first: usize,
    /// The number of tokens of a sample.
    pub(crate) tokens: usize,
    /// `V`.
    pub(crate) vocabulary: usize,
    /// None for a category, of which there is one, with the row of token 0 like any other.
    pub(crate) pooling: Option<Pooling>,
}

impl Embedding {
    /// Whether a token has no row: it is the padding.
    #[inline(always)]
    pub(crate) fn is_padding(&self, token: usize) -> bool {
        token == 0 && self.pooling.is_some()
    }

    /// The place among the values of a sample of the number by which the token at another place is multiplied, if it is.
    #[inline(always)]
    pub(crate) fn number(&self, token: usize) -> Option<usize> {
        (self.pooling == Some(Pooling::Weighted)).then_some(token + self.tokens)
    }
}
