//! Tokenizers: arbitrary texts, and files.

use std::{collections::HashMap, fs};

use proptest::prelude::*;
use tuplenet::{
    token::Token,
    tokenizer::{Hashed, Vocabulary},
};

use crate::{
    cases::cases,
    vocabulary_oracle::{SIZE, is_read},
};

/// Words and sequences of them, mostly in order.
fn entries() -> impl Strategy<Value = String> {
    let word =
        prop_oneof![8 => "[a-e]{1,3}", 1 => "[a-b] [a-b]", 1 => "[a-b\t]{0,3}", 1 => "\\PC{0,3}"];
    let token = prop_oneof![9 => (2usize..SIZE).prop_map(|n| n.to_string()), 1 => "\\PC{0,3}"];
    let lines = prop::collection::vec((word, token), 0..12);
    (lines, 0..8, "ngrams\t[1-4]|\\PC{0,9}").prop_map(|(mut lines, order, head)| {
        if order > 0 {
            lines.sort();
            lines.dedup_by(|a, b| a.0 == b.0);
        }
        let lines: String = lines
            .iter()
            .map(|(word, token)| format!("{word}\t{token}\n"))
            .collect();
        format!("{head}\n{lines}")
    })
}

/// The words of an ASCII text, and the sequences of them, each after its first word.
fn naive(text: &str, longest: usize) -> Vec<String> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let from = (0..words.len()).flat_map(|first| {
        let last = words.len().min(first + longest);
        (first + 1..=last).map(move |end| (first, end))
    });
    from.map(|(first, end)| words[first..end].join(" "))
        .collect()
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn a_vocabulary_is_read_as_by_a_plain_reader(text in prop_oneof![4 => entries(), 1 => "\\PC{0,40}", 1 => ".{0,40}"]) {
        is_read(&text);
    }

    #[test]
    fn the_most_frequent_words_have_tokens_and_are_found(
        texts in prop::collection::vec("[a-dA-D ]{0,30}", 0..8),
        longest in 1usize..=4,
    ) {
        let words = Vocabulary::<12, String>::fit(&texts, longest).unwrap();
        prop_assert_eq!(&Vocabulary::parse(words.as_str().to_owned()).unwrap(), &words);
        let mut counts: HashMap<String, usize> = HashMap::new();
        for text in &texts {
            for ngram in naive(text, longest) {
                *counts.entry(ngram).or_default() += 1;
            }
        }
        let mut expected: Vec<(String, usize)> = counts.into_iter().collect();
        expected.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
        expected.truncate(10);
        let tokens: HashMap<&str, usize> = expected.iter().zip(2..).map(|((word, _), token)| (&**word, token)).collect();
        for text in &texts {
            let expected: Vec<usize> = naive(text, longest)
                .iter()
                .filter_map(|ngram| tokens.get(&**ngram).copied().or((!ngram.contains(' ')).then_some(1)))
                .chain(std::iter::repeat(0))
                .take(16)
                .collect();
            let found: [Token<12>; 16] = words.tokens(text);
            prop_assert_eq!(found.map(Token::index).to_vec(), expected);
        }
    }

    #[test]
    fn a_hashed_token_depends_on_its_words_alone(text in "[a-dA-D .,]{0,40}", longest in 1usize..=4) {
        const V: usize = 1 << 20;
        let tokenizer = Hashed::<V>::new(longest);
        let found: [Token<V>; 200] = tokenizer.tokens(&text);
        let plain = text.replace(['.', ','], " ");
        let expected = naive(&plain, longest);
        let hash = |word: &String| word.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        for (at, token) in found.iter().enumerate() {
            let expected = expected.get(at).map_or(0, |word| 1 + hash(word) % (V as u64 - 1));
            // a letter, a point and a letter are one word by Unicode's rules, as in "e.g."
            if !text.contains(['.', ',']) {
                prop_assert_eq!(token.index() as u64, expected);
            }
        }
    }
}

#[test]
fn a_vocabulary_is_saved_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.txt");
    let words = Vocabulary::<100, String>::fit(["Ein Wort, zwei Wörter", "ein Wort"], 2).unwrap();
    words.save(&path).unwrap();
    assert_eq!(Vocabulary::load(&path).unwrap(), words);
    assert_eq!(fs::read_to_string(&path).unwrap(), words.as_str());

    let says = |error: tuplenet::Error, words: &str| {
        let text = error.to_string();
        assert_eq!(text, format!("{}: {words}", path.display()));
    };
    let remedy = "use a file that `Vocabulary::save` wrote for a vocabulary of this size";
    let beyond = format!("line 3: expected a token below the size of the vocabulary; {remedy}");
    says(Vocabulary::<3, String>::load(&path).unwrap_err(), &beyond);
    fs::write(&path, [b'n', 0xff, b'\n']).unwrap();
    let read = "cannot read: stream did not contain valid UTF-8; name a file that `Vocabulary::save` has written";
    says(Vocabulary::<9, String>::load(&path).unwrap_err(), read);
    let error = Vocabulary::<9, String>::load(folder.path().join("missing")).unwrap_err();
    assert!(
        error.to_string().contains("cannot read: No such file"),
        "{error}"
    );
    let error = words
        .save(folder.path().join("missing/words.txt"))
        .unwrap_err();
    assert!(
        error.to_string().contains("cannot write the vocabulary"),
        "{error}"
    );
    let error = Vocabulary::<9, String>::fit(["a"], 5).unwrap_err();
    assert_eq!(
        error.to_string(),
        "words of an n-gram: expected 1 to 4, found 5"
    );
}
