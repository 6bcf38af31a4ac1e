//! [`Token`]: the index of a word, of a category, of a user: one of `V`.

use core::{fmt, num::NonZeroUsize};

/// An index below `V`, the size of a vocabulary: the number of a word in a text, or of a category.
///
/// It cannot be out of range, so a prediction needs no check, and a token of another vocabulary is another type. A network
/// reads it as an `f32` with this value, which is exact up to [`Token::MAX_VOCABULARY`]; so samples of tokens and of features
/// have the same form.
///
/// ```
/// use tuplenet::token::Token;
///
/// let token = Token::<100>::new(7).expect("7 < 100");
/// assert_eq!((token.index(), Token::<100>::new(100)), (7, None));
/// assert_eq!(format!("{token:?}"), "Token(7)");
/// ```
#[derive(Clone, Copy, PartialEq)]
#[repr(transparent)]
pub struct Token<const V: usize>(f32);

impl<const V: usize> Token<V> {
    /// The largest vocabulary, 16,777,216: every integer below is exact in `f32`.
    pub const MAX_VOCABULARY: usize = 1 << f32::MANTISSA_DIGITS;

    /// Token 0: in [`Tokens`](crate::shape::Tokens), what fills a sequence up that is shorter than the others.
    pub const PADDING: Token<V> = Token(0.0);

    /// The token with this index, or `None` if it is not below `V`.
    pub const fn new(index: usize) -> Option<Token<V>> {
        match index < V && V <= Token::<V>::MAX_VOCABULARY {
            true => Some(Token(index as f32)),
            false => None,
        }
    }

    /// Its index, below `V`.
    pub const fn index(self) -> usize {
        index_of(self.0, V)
    }

    /// Whether it is token 0.
    pub const fn is_padding(self) -> bool {
        self.index() == 0
    }
}

impl<const V: usize> Default for Token<V> {
    /// [`Token::PADDING`].
    fn default() -> Self {
        Token::PADDING
    }
}

impl<const V: usize> fmt::Debug for Token<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", self.index())
    }
}

// The bytes of a token are those of its value.
#[allow(
    unsafe_code,
    reason = "a slice of transparent wrappers as a slice of what they wrap"
)]
impl<const V: usize> Token<V> {
    /// The tokens as the values that a network reads.
    pub(crate) const fn values(tokens: &[Token<V>]) -> &[f32] {
        // SAFETY: `Token` is a transparent `f32`.
        unsafe { core::slice::from_raw_parts(tokens.as_ptr().cast(), tokens.len()) }
    }

    /// The tokens as values, to write. A value that is not the index of a token makes it one: see [`index_of`].
    pub(crate) const fn values_mut(tokens: &mut [Token<V>]) -> &mut [f32] {
        // SAFETY: as above; every `f32` is a valid `Token`.
        unsafe { core::slice::from_raw_parts_mut(tokens.as_mut_ptr().cast(), tokens.len()) }
    }
}

/// The index of the token with this value, always below the vocabulary: that of a value that is not a token's, which no
/// checked sample has, is the nearest one.
#[inline(always)]
pub(crate) const fn index_of(value: f32, vocabulary: usize) -> usize {
    // in 32 bits, which processors convert several of at a time
    let index = value as u32 as usize;
    match NonZeroUsize::new(vocabulary) {
        Some(vocabulary) if index >= vocabulary.get() => vocabulary.get() - 1,
        _ => index,
    }
}

/// Whether the value is that of a token of the vocabulary.
#[cfg(feature = "train")]
pub(crate) fn is_token(value: f32, vocabulary: usize) -> bool {
    value >= 0.0 && value.fract() == 0.0 && value < vocabulary as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_below_its_vocabulary() {
        for (index, expected) in [(0, Some(0)), (2, Some(2)), (3, None), (usize::MAX, None)] {
            assert_eq!(Token::<3>::new(index).map(Token::index), expected);
        }
        const MAX: usize = Token::<0>::MAX_VOCABULARY;
        assert_eq!(Token::<MAX>::new(MAX - 1).map(Token::index), Some(MAX - 1));
        assert_eq!(Token::<{ MAX + 1 }>::new(0), None);
        assert_eq!(Token::<0>::new(0), None);
    }

    #[test]
    fn every_value_stands_for_a_token_of_the_vocabulary() {
        let values = [-1.0, 0.4, 2.0, 2.9, 3.0, 1e30, f32::INFINITY, f32::NAN];
        let indices = values.map(|value| index_of(value, 3));
        assert_eq!(indices, [0, 0, 2, 2, 2, 2, 2, 0]);
        #[cfg(feature = "train")]
        assert_eq!(
            values.map(|value| is_token(value, 3)),
            [false, false, true, false, false, false, false, false]
        );
    }
}
