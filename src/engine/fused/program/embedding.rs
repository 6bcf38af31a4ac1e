//! [`Embedding`]: rows of a table for the tokens of a sample.

use crate::plan::Pooling;

/// An embedding of the network's input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Embedding {
    /// Its index among the program's embeddings.
    pub(crate) index: usize,
    /// The index of its table among the program's parameters.
    pub(crate) weights: usize,
    /// The first token among the values of a sample.
    pub(crate) first: usize,
    /// The number of tokens of a sample.
    pub(crate) tokens: usize,
    /// `V`.
    pub(crate) vocabulary: usize,
    pub(crate) output: EmbeddingOutput,
}

/// What an embedding makes of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmbeddingOutput {
    /// That of a category, of which there is one, with the row of token 0 like any other.
    Row,
    /// All of them, as an image.
    Sequence,
    Pooled(Pooling),
}

impl Embedding {
    pub(crate) fn is_sequence(&self) -> bool {
        self.output == EmbeddingOutput::Sequence
    }

    /// Whether a token has no gradient, and no place in a pooling: it is the padding.
    #[inline(always)]
    pub(crate) fn is_padding(&self, token: usize) -> bool {
        token == 0 && self.output != EmbeddingOutput::Row
    }

    /// Whether that is how it pools the rows.
    #[inline(always)]
    pub(crate) fn pools_by(&self, pooling: Pooling) -> bool {
        self.output == EmbeddingOutput::Pooled(pooling)
    }

    /// The place among the values of a sample of the number by which the token at another place is multiplied, if it is.
    #[inline(always)]
    pub(crate) fn number(&self, token: usize) -> Option<usize> {
        self.pools_by(Pooling::Weighted)
            .then_some(token + self.tokens)
    }

    /// The number of rows of the gradient for a sample: one for each vector that it gives.
    pub(crate) fn gradient_rows(&self) -> usize {
        match self.output {
            EmbeddingOutput::Sequence => self.tokens,
            EmbeddingOutput::Row | EmbeddingOutput::Pooled(_) => 1,
        }
    }
}
