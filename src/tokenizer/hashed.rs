//! [`Hashed`].

use super::ngram::{Ngram, check_words, tokens};
use crate::token::Token;

/// Tokens by the hashing trick: a word, or a sequence of words, has the token `1 + hash % (V - 1)`, where `hash` is the 64-bit
/// FNV-1a hash of its letters in UTF-8. Nothing is fitted, saved or shipped: the type and the number of words say it all. Two
/// words may have the same token, one in `V` of them.
///
/// Sources: K. Weinberger et al., "Feature hashing for large scale multitask learning", 2009,
/// <https://arxiv.org/abs/0902.2206>; <http://www.isthe.com/chongo/tech/comp/fnv/>.
///
/// ```
/// use tuplenet::{token::Token, tokenizer::Hashed};
///
/// const WORDS: Hashed<2048> = Hashed::new(2);
/// let tokens: [Token<2048>; 8] = WORDS.tokens("Not bad");
/// let [not, not_bad, bad, ..] = tokens.map(Token::index);
/// assert_eq!(tokens.map(Token::index), [not, not_bad, bad, 0, 0, 0, 0, 0]);
/// assert_eq!(WORDS.tokens("BAD!"), [tokens[2]]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed<const V: usize> {
    longest: usize,
}

impl<const V: usize> Hashed<V> {
    /// With sequences of up to `longest` words: 1 for words alone.
    ///
    /// # Panics
    /// When `longest` is 0 or more than [`MAX_WORDS`](super::MAX_WORDS); as a constant, a compile error.
    pub const fn new(longest: usize) -> Self {
        check_words(longest);
        Hashed { longest }
    }

    /// The first `L` tokens of a text; the padding is what is left of `L`.
    pub fn tokens<const L: usize>(&self, text: &str) -> [Token<V>; L] {
        const { assert!(V >= 2, "a vocabulary has the padding and a token or more") };
        tokens(text, self.longest, |ngram| {
            let hash = hash(ngram) % (V as u64 - 1);
            Some(1 + hash as usize)
        })
    }
}

/// The 64-bit FNV-1a hash of the letters of an n-gram.
fn hash(ngram: Ngram<'_>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    for letter in ngram.chars() {
        for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hashes of "a" and "foobar" are in the reference's list of test vectors.
    #[test]
    fn the_hash_is_fnv_1a() {
        const V: usize = 1 << 20;
        for (word, hash) in [
            ("a", 0xaf63_dc4c_8601_ec8c_u64),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            let [token] = Hashed::<V>::new(1).tokens(word);
            assert_eq!(token.index() as u64, 1 + hash % (V as u64 - 1));
        }
    }

    #[test]
    fn no_word_is_the_padding() {
        let [a, b] = Hashed::<2>::new(1).tokens("one two");
        assert_eq!([a, b].map(Token::index), [1, 1]);
    }
}
