//! From a text to tokens: its words in lower case, and sequences of them.
//!
//! | | |
//! | --- | --- |
//! | [`Hashed`] | the number of a word is computed from its letters: there is nothing to fit or to ship |
//! | [`Vocabulary`] | the most frequent words of given texts, in a file of one word per line |
//!
//! Both work without `std` and without a heap, so that the program that is shipped makes the same tokens as the training.
//!
//! Words are those of Unicode's rules for word boundaries, in lower case: "The film wasn't bad!" has the words `the`, `film`,
//! `wasn't` and `bad`. With n-grams of up to 2 words also `the film`, `film wasn't` and `wasn't bad`, each after its
//! first word: so a bag of tokens knows a part of their order. What does not fit in the `L` tokens of a sample is left
//! out, and what is left of them is the padding.
//!
//! Source: A. Joulin et al., "Bag of tricks for efficient text classification", 2016, <https://arxiv.org/abs/1607.01759>.

mod hashed;
mod ngram;
mod vocabulary;

pub use self::{
    hashed::Hashed,
    ngram::MAX_WORDS,
    vocabulary::{Vocabulary, VocabularyError},
};
