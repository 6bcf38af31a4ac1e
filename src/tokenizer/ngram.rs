//! [`Ngram`]: a word, or some words in sequence.

use unicode_segmentation::UnicodeSegmentation;

use crate::token::Token;

/// The maximum number of words of an n-gram.
pub const MAX_WORDS: usize = 4;

/// Some words of a text in sequence, with a space between them.
#[derive(Clone, Copy)]
pub(super) struct Ngram<'a> {
    /// The first word and those after it, then empty ones.
    words: [&'a str; MAX_WORDS],
    /// The number of words.
    pub(super) len: usize,
}

impl<'a> Ngram<'a> {
    /// Its letters, in lower case.
    pub(super) fn chars(self) -> impl Iterator<Item = char> + use<'a> {
        let words = self.words.into_iter().take(self.len).enumerate();
        words.flat_map(|(at, word)| {
            let space = (at > 0).then_some(' ');
            let letters = word.chars().flat_map(char::to_lowercase);
            space.into_iter().chain(letters)
        })
    }
}

/// The n-grams of up to `longest` words: those that begin with the first word, the shortest first, and so on.
pub(super) fn ngrams(text: &str, longest: usize) -> impl Iterator<Item = Ngram<'_>> {
    let mut rest = text.unicode_words();
    let mut words: [&str; MAX_WORDS] = core::array::from_fn(|_| rest.next().unwrap_or_default());
    core::iter::from_fn(move || {
        let from_here = words;
        words.rotate_left(1);
        words[MAX_WORDS - 1] = rest.next().unwrap_or_default();
        (!from_here[0].is_empty()).then_some(from_here)
    })
    .flat_map(move |words| {
        let there = words.iter().take_while(|word| !word.is_empty()).count();
        (1..=longest.min(there)).map(move |len| Ngram { words, len })
    })
}

/// The tokens of a text's n-grams of up to `longest` words, where `token` gives them an index, and then the padding.
pub(super) fn tokens<const L: usize, const V: usize>(
    text: &str,
    longest: usize,
    token: impl Fn(Ngram<'_>) -> Option<usize>,
) -> [Token<V>; L] {
    let mut tokens = [Token::PADDING; L];
    fill(Token::values_mut(&mut tokens), text, longest, &token);
    tokens
}

/// Of [`tokens`] what is compiled once for all lengths and vocabularies: the indices as values.
fn fill(
    values: &mut [f32],
    text: &str,
    longest: usize,
    token: &dyn Fn(Ngram<'_>) -> Option<usize>,
) {
    let found = ngrams(text, longest).filter_map(token);
    for (value, token) in values.iter_mut().zip(found) {
        *value = token as f32;
    }
}

/// Asserts that n-grams have 1 to [`MAX_WORDS`] words.
pub(super) const fn check_words(longest: usize) {
    assert!(
        0 < longest && longest <= MAX_WORDS,
        "an n-gram has 1 to 4 words"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, longest: usize) -> Vec<String> {
        ngrams(text, longest)
            .map(|ngram| ngram.chars().collect())
            .collect()
    }

    #[test]
    fn words_are_in_lower_case_and_without_punctuation() {
        assert_eq!(
            of("The film WASN'T bad -- 3.5 stars!", 1),
            ["the", "film", "wasn't", "bad", "3.5", "stars"]
        );
        // two letters for one, a final sigma, letters with marks of their own
        assert_eq!(
            of("İSTANBUL ΟΔΟΣ Straße e\u{301}té", 1),
            ["i̇stanbul", "οδοσ", "straße", "e\u{301}té"]
        );
        assert!(of(" .,;  \n\t", 3).is_empty() && of("", 3).is_empty());
    }

    #[test]
    fn ngrams_follow_their_first_word() {
        assert_eq!(of("A b. C", 3), ["a", "a b", "a b c", "b", "b c", "c"]);
        assert_eq!(of("A b. C", 2), ["a", "a b", "b", "b c", "c"]);
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_the_rest_is_padding() {
        let len = |ngram: Ngram<'_>| Some(ngram.len);
        let indices = |tokens: [Token<9>; 4]| tokens.map(Token::index);
        assert_eq!(indices(tokens("a b c", 2, len)), [1, 2, 1, 2]);
        assert_eq!(indices(tokens("a b", 2, len)), [1, 2, 1, 0]);
        assert_eq!(indices(tokens("", 2, len)), [0; 4]);
    }
}
