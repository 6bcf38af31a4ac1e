//! A model that takes a text: the network and the vocabulary that `examples/sentiment` saves.

use tuplenet::{prelude::*, shape::Tokens, tokenizer::Vocabulary};

tuplenet::classes! {
    /// What a review is.
    pub enum Sentiment {
        /// It blames.
        Negative = "negative",
        /// It praises.
        Positive = "positive",
    }
}

tuplenet::frozen! {
    /// Tells positive reviews from negative ones.
    pub static REVIEWS: (
        Tokens<128, 2048>,
        EmbeddingBag<2048, 8>,
        Linear<8, 16>,
        ReLU,
        Linear<16, 2>,
        Logits<Sentiment>,
    ) = "../../sentiment.safetensors";
}

/// The words and pairs of words that it knows.
pub static WORDS: Vocabulary<2048, &str> =
    Vocabulary::embedded(include_str!("../../sentiment.txt"));
