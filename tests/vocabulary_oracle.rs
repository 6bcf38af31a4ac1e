//! Properties of arbitrary texts as vocabularies, checked by the fuzz target `vocabulary` and the tests in `tokenizer.rs`.

use std::collections::BTreeMap;

use tuplenet::{token::Token, tokenizer::Vocabulary};

/// The size of the vocabularies.
pub const SIZE: usize = 50;

/// Whether the text is accepted as a vocabulary.
///
/// # Panics
/// If it is accepted where a plain reader refuses it or the other way round, or if a word has another token than there.
pub fn is_read(text: &str) -> bool {
    let expected = read(text);
    let found = Vocabulary::<SIZE, &str>::parse(text);
    assert_eq!(found.is_ok(), expected.is_some(), "{text:?}: {found:?}");
    let (Ok(found), Some((longest, words))) = (found, expected) else {
        return false;
    };
    for words_of in words.keys().chain([&"unknown".to_owned()]) {
        let [first, ..]: [Token<SIZE>; 4] = found.tokens(words_of);
        // What is no single word in lower case is no word of a text.
        let is_word = words_of.chars().all(|letter| letter.is_ascii_lowercase());
        if is_word {
            let token = words.get(words_of).copied().unwrap_or(1);
            assert_eq!(first.index(), token, "{words_of:?} in {text:?}");
        }
    }
    assert!((1..=4).contains(&longest));
    true
}

/// A plain reader: the number of words of the longest n-grams, and the token of each entry.
fn read(text: &str) -> Option<(usize, BTreeMap<String, usize>)> {
    let (head, rest) = text.split_once('\n')?;
    let longest = match head {
        "ngrams\t1" => 1,
        "ngrams\t2" => 2,
        "ngrams\t3" => 3,
        "ngrams\t4" => 4,
        _ => return None,
    };
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for line in rest.split_inclusive('\n') {
        let line = line.strip_suffix('\n')?;
        let (word, token) = line.split_once('\t')?;
        let is_number = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
        let token: usize = token
            .trim_start_matches('0')
            .parse()
            .ok()
            .filter(|_| is_number)?;
        let is_last = words
            .last_key_value()
            .is_none_or(|(last, _)| **last < *word);
        if word.is_empty() || !(2..SIZE).contains(&token) || !is_last {
            return None;
        }
        words.insert(word.to_owned(), token);
    }
    Some((longest, words))
}
