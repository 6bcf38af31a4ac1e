//! [`Vocabulary::fit`]: the most frequent words of some texts.

use std::{collections::HashMap, fmt::Write};

use super::Vocabulary;
use crate::{
    error::{Error, Result},
    tokenizer::{MAX_WORDS, ngram::ngrams},
};

impl<const V: usize> Vocabulary<V, String> {
    /// The `V - 2` most frequent words and sequences of up to `longest` words of some texts, or all if they have fewer; of those
    /// that are equally frequent, the first in the order of their letters.
    ///
    /// ```
    /// use tuplenet::tokenizer::Vocabulary;
    ///
    /// let words = Vocabulary::<4, String>::fit(["a good film", "a bad film", "A film!"], 1)?;
    /// assert_eq!(words.as_str(), "ngrams\t1\na\t2\nfilm\t3\n");
    /// # Ok::<(), tuplenet::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] when `longest` is 0 or more than [`MAX_WORDS`].
    pub fn fit(texts: impl IntoIterator<Item = impl AsRef<str>>, longest: usize) -> Result<Self> {
        if !(1..=MAX_WORDS).contains(&longest) {
            return Err(Error::Setting {
                setting: "words of an n-gram",
                expected: format!("1 to {MAX_WORDS}"),
                found: longest.to_string(),
            });
        }
        let mut counts = HashMap::new();
        for text in texts {
            count(text.as_ref(), longest, &mut counts);
        }
        let text = vocabulary(counts, longest, V);
        Ok(Vocabulary { text, longest })
    }

    /// The text, as [`Vocabulary::save`] writes it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Counts the n-grams of a text.
fn count(text: &str, longest: usize, counts: &mut HashMap<String, u64>) {
    for ngram in ngrams(text, longest) {
        *counts.entry(ngram.chars().collect()).or_default() += 1;
    }
}

/// The text of a vocabulary of up to `size` tokens.
fn vocabulary(counts: HashMap<String, u64>, longest: usize, size: usize) -> String {
    let mut words: Vec<(String, u64)> = counts.into_iter().collect();
    words.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
    words.truncate(size.saturating_sub(2));
    let tokens = words.into_iter().zip(2..);
    let mut tokens: Vec<(String, usize)> = tokens.map(|((word, _), token)| (word, token)).collect();
    tokens.sort();
    let mut text = format!("ngrams\t{longest}\n");
    for (word, token) in tokens {
        // writing to a `String` does not fail
        let _ = writeln!(text, "{word}\t{token}");
    }
    text
}
