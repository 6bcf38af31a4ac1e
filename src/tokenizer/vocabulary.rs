//! [`Vocabulary`]: the words that have a token, as a text that is searched in place.

#[cfg(feature = "train")]
mod file;
#[cfg(feature = "train")]
mod fit;

use core::{cmp::Ordering, fmt};

use super::ngram::{MAX_WORDS, Ngram, check_words, tokens};
use crate::token::Token;

/// A vocabulary that was fitted to texts: token 1 stands for every word that is not in it, 2 is the most frequent word,
/// and so on; sequences of words that are not in it have no token.
///
/// It is a text, of type `S`: the first line is `ngrams`, a tab and the number of words in the longest sequence; each
/// other line is a word or a sequence of words, a tab and its token, in the order of the letters' code points. So it can
/// be read, compared and embedded in a program, and no table is built to look a word up.
///
/// ```
/// use tuplenet::{token::Token, tokenizer::Vocabulary};
///
/// const WORDS: Vocabulary<4, &str> = Vocabulary::embedded("ngrams\t2\nfilm\t3\nnot good\t2\n");
/// let tokens: [Token<4>; 5] = WORDS.tokens("Not good film");
/// assert_eq!(tokens.map(Token::index), [1, 2, 1, 3, 0]); // not, not good, good, film
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vocabulary<const V: usize, S> {
    text: S,
    longest: usize,
}

/// A line of a vocabulary is not as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VocabularyError {
    /// The line, counted from 1.
    pub line: usize,
    /// What must be there.
    pub expected: &'static str,
}

impl fmt::Display for VocabularyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: expected {}", self.line, self.expected)
    }
}

impl core::error::Error for VocabularyError {}

impl<const V: usize> Vocabulary<V, &'static str> {
    /// The vocabulary in a text that is part of the program, as in
    /// `static WORDS: Vocabulary<20_000, &str> = Vocabulary::embedded(include_str!("words.txt"))`.
    ///
    /// # Panics
    /// When the text is not a vocabulary of up to `V` tokens; in a `const` or a `static`, a compile error.
    pub const fn embedded(text: &'static str) -> Self {
        match check(text.as_bytes(), V) {
            Ok(longest) => Vocabulary { text, longest },
            Err(VocabularyError { expected, .. }) => panic!("{}", expected),
        }
    }
}

impl<const V: usize, S: AsRef<str>> Vocabulary<V, S> {
    /// The vocabulary in a text.
    ///
    /// # Errors
    /// [`VocabularyError`] with the first line that is not as it must be in a vocabulary of up to `V` tokens.
    pub fn parse(text: S) -> Result<Self, VocabularyError> {
        let longest = check(text.as_ref().as_bytes(), V)?;
        Ok(Vocabulary { text, longest })
    }

    /// The first `L` tokens of a text; the padding is what is left of `L`.
    pub fn tokens<const L: usize>(&self, text: &str) -> [Token<V>; L] {
        let vocabulary = self.text.as_ref();
        tokens(text, self.longest, |ngram| match find(vocabulary, ngram) {
            None if ngram.len == 1 => Some(1),
            token => token,
        })
    }
}

/// The token of an n-gram in the text of a vocabulary, by binary search.
fn find(vocabulary: &str, ngram: Ngram<'_>) -> Option<usize> {
    let (_, mut rest) = vocabulary.split_once('\n')?;
    while !rest.is_empty() {
        // the line that the middle is in
        let mut before = rest.as_bytes().iter().take(rest.len() / 2);
        let start = before
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |end| end + 1);
        let (before, from) = rest.split_at(start);
        let (line, after) = from.split_once('\n')?;
        let (words, token) = line.split_once('\t')?;
        rest = match words.chars().cmp(ngram.chars()) {
            Ordering::Equal => return token.parse().ok(),
            Ordering::Less => after,
            Ordering::Greater => before,
        };
    }
    None
}

/// Checks a vocabulary of up to `vocabulary` tokens, and returns the number of words in its longest n-grams.
const fn check(text: &[u8], vocabulary: usize) -> Result<usize, VocabularyError> {
    const HEAD: &[u8] = b"ngrams\t";
    let (mut line, mut at) = (1, 0);
    macro_rules! expect {
        ($condition:expr, $expected:literal) => {
            if !$condition {
                let expected = $expected;
                return Err(VocabularyError { line, expected });
            }
        };
    }
    let head = text.len() > HEAD.len() + 1 && text[HEAD.len() + 1] == b'\n';
    expect!(head, "`ngrams`, a tab and a number of words from 1 to 4");
    while at < HEAD.len() {
        expect!(
            text[at] == HEAD[at],
            "`ngrams`, a tab and a number of words from 1 to 4"
        );
        at += 1;
    }
    let longest = text[at].wrapping_sub(b'0') as usize;
    expect!(
        0 < longest && longest <= MAX_WORDS,
        "`ngrams`, a tab and a number of words from 1 to 4"
    );
    check_words(longest);
    at += 2;
    let mut before: &[u8] = &[];
    while at < text.len() {
        line += 1;
        let (_, rest) = text.split_at(at);
        let (mut tab, mut end) = (None, 0);
        while end < rest.len() && rest[end] != b'\n' {
            // the first one, as the search takes it
            if rest[end] == b'\t' && tab.is_none() {
                tab = Some(end);
            }
            end += 1;
        }
        expect!(end < rest.len(), "a line ending");
        let tab = match tab {
            Some(tab) => tab,
            None => 0,
        };
        let (words, token) = rest.split_at(tab);
        let (token, _) = token.split_at(end - tab);
        expect!(!words.is_empty(), "a word, a tab and its token");
        let mut number = 0;
        let mut digit = 1;
        while digit < token.len() {
            let value = token[digit].wrapping_sub(b'0') as usize;
            expect!(
                value < 10 && number <= vocabulary,
                "a word, a tab and its token"
            );
            number = 10 * number + value;
            digit += 1;
        }
        expect!(
            2 <= number,
            "a token from 2 on: 0 is the padding, 1 an unknown word"
        );
        expect!(
            number < vocabulary,
            "a token below the size of the vocabulary"
        );
        expect!(
            is_less(before, words),
            "each word once, in the order of the letters"
        );
        before = words;
        at += end + 1;
    }
    Ok(longest)
}

/// Whether `a` is before `b`, by bytes, which is the order of the code points in UTF-8.
const fn is_less(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() {
        if a[at] != b[at] {
            return a[at] < b[at];
        }
        at += 1;
    }
    a.len() < b.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_and_no_other() {
        // letters of one to four bytes, among many words and sequences of two
        let mut words: Vec<String> = (0..300)
            .map(|at| format!("w{}", at * 7919 % 1009))
            .collect();
        words.extend(
            ["é", "été", "ὀδός", "zz", "a", "𝔞𝔟", "a b", "a a", "b ὀδός"].map(str::to_owned),
        );
        words.sort();
        words.dedup();
        let lines = words.iter().enumerate();
        let lines: String = lines
            .map(|(at, word)| format!("{word}\t{}\n", at + 2))
            .collect();
        let text = format!("ngrams\t2\n{lines}");
        let all = Vocabulary::<400, &str>::parse(&text).unwrap();
        for (at, word) in words.iter().enumerate() {
            let tokens: [Token<400>; 3] = all.tokens(word);
            // a sequence is after its first word
            let place = usize::from(word.contains(' '));
            assert_eq!(tokens[place].index(), at + 2, "{word}");
        }
        for word in ["w", "w9999", "aa", "zzz", "0", "ὀδό", "𝔞"] {
            assert_eq!(all.tokens::<1>(word)[0].index(), 1, "{word}");
        }
        let empty = Vocabulary::<2, &str>::parse("ngrams\t2\n").unwrap();
        assert_eq!(empty.tokens("a b").map(Token::index), [1, 1, 0]);
    }

    #[test]
    fn a_line_that_is_not_as_it_must_be_is_named() {
        let says = |text: &str, words: &str| {
            let error = Vocabulary::<5, &str>::parse(text).unwrap_err();
            assert_eq!(error.to_string(), words, "{text:?}");
        };
        let head = "line 1: expected `ngrams`, a tab and a number of words from 1 to 4";
        for text in [
            "",
            "ngrams",
            "ngrams\t",
            "ngrams\t5\n",
            "ngrams\t0\n",
            "ngrams\t22\n",
            "a\t2\n",
            "ngrams 1\n",
        ] {
            says(text, head);
        }
        for (line, words) in [
            ("\t2\n", "line 2: expected a word, a tab and its token"),
            ("a\n", "line 2: expected a word, a tab and its token"),
            ("a 2\n", "line 2: expected a word, a tab and its token"),
            ("a\tb\n", "line 2: expected a word, a tab and its token"),
            ("a\tb\t2\n", "line 2: expected a word, a tab and its token"),
            ("\ta\t2\n", "line 2: expected a word, a tab and its token"),
            ("a\t-2\n", "line 2: expected a word, a tab and its token"),
            (
                "a\t99999999999999999999999999\n",
                "line 2: expected a word, a tab and its token",
            ),
            (
                "a\t\n",
                "line 2: expected a token from 2 on: 0 is the padding, 1 an unknown word",
            ),
            (
                "a\t1\n",
                "line 2: expected a token from 2 on: 0 is the padding, 1 an unknown word",
            ),
            (
                "a\t5\n",
                "line 2: expected a token below the size of the vocabulary",
            ),
            ("a\t2", "line 2: expected a line ending"),
            (
                "a\t2\na\t3\n",
                "line 3: expected each word once, in the order of the letters",
            ),
            (
                "b\t2\na\t3\n",
                "line 3: expected each word once, in the order of the letters",
            ),
        ] {
            says(&format!("ngrams\t1\n{line}"), words);
        }
    }
}
