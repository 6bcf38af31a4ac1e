//! The plans of embeddings.

use super::{Op, Plan};
use crate::token::Token;

impl Plan {
    /// A plan of [`Op::Embedding`], [`Op::TokenEmbedding`] or [`Op::EmbeddingBag`], which takes `inputs` values of the
    /// network's input: tokens, or tokens and as many numbers.
    ///
    /// # Panics
    /// At compile time, for another operation, for an [`Op::Embedding`] of more than one token, for an
    /// [`Op::TokenEmbedding`] whose outputs are not as many for each token, for a vocabulary above
    /// [`Token::MAX_VOCABULARY`](crate::token::Token::MAX_VOCABULARY), and as [`Plan::linear`].
    pub const fn embedding(op: Op, inputs: usize, outputs: usize) -> Plan {
        let Some(vocabulary) = op.vocabulary() else {
            panic!("this operation has no vocabulary: use `Plan::elementwise`")
        };
        assert!(
            !matches!(op, Op::Embedding { .. }) || inputs == 1,
            "an `Op::Embedding` takes one category"
        );
        assert!(
            !matches!(op, Op::TokenEmbedding { .. })
                || inputs > 0 && outputs.is_multiple_of(inputs),
            "an `Op::TokenEmbedding` has as many outputs for each token"
        );
        check_vocabulary(vocabulary);
        Plan::one(op, inputs, outputs)
    }

    /// A plan of one [`Op::OneHot`].
    ///
    /// # Panics
    /// As [`Plan::embedding`].
    pub const fn one_hot(vocabulary: usize) -> Plan {
        check_vocabulary(vocabulary);
        Plan::one(Op::OneHot, 1, vocabulary)
    }
}

/// Asserts that tokens of the vocabulary can be values of a data set.
const fn check_vocabulary(vocabulary: usize) {
    assert!(
        0 < vocabulary && vocabulary <= Token::<0>::MAX_VOCABULARY,
        "a vocabulary has 1 to 16,777,216 tokens"
    );
}
