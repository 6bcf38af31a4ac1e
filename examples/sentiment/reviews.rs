//! Reviews of films from a seed, for a run without a file of reviews.
//!
//! A review has one or three opinions; most of them decide what it is. Nearly every second opinion is the negation of its
//! adjective: so the words alone say little, and pairs of words say nearly everything. There is no irony in them.

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng, seq::IndexedRandom};

use crate::Sentiment;

const SUBJECTS: [&str; 16] = [
    "the film",
    "the plot",
    "the acting",
    "the ending",
    "the music",
    "the script",
    "the cast",
    "the camera work",
    "the dialogue",
    "the pacing",
    "the first half",
    "the second half",
    "the main actor",
    "the humour",
    "the story",
    "the direction",
];
const PRAISE: [&str; 20] = [
    "good",
    "great",
    "brilliant",
    "moving",
    "funny",
    "clever",
    "beautiful",
    "gripping",
    "charming",
    "original",
    "convincing",
    "superb",
    "memorable",
    "witty",
    "touching",
    "thrilling",
    "honest",
    "elegant",
    "lovely",
    "impressive",
];
const BLAME: [&str; 20] = [
    "bad",
    "terrible",
    "boring",
    "dull",
    "predictable",
    "clumsy",
    "weak",
    "tedious",
    "silly",
    "shallow",
    "lifeless",
    "awful",
    "forgettable",
    "confusing",
    "pointless",
    "bland",
    "annoying",
    "messy",
    "tired",
    "disappointing",
];
const VERBS: [&str; 4] = ["was", "is", "seemed", "felt"];
const NEGATIONS: [&str; 5] = ["not", "never", "hardly", "far from", "anything but"];
const DEGREES: [&str; 6] = ["very", "really", "quite", "rather", "so", "surprisingly"];
const ASIDES: [&str; 8] = [
    "I saw it on Monday with my sister.",
    "We had seats in the third row.",
    "It runs for two hours.",
    "My brother read the book before.",
    "The cinema was half empty.",
    "It is set in the north of Spain.",
    "They shot it in black and white.",
    "I had seen the trailer.",
];

/// `count` reviews.
pub fn reviews(count: usize, seed: u64) -> Vec<(Sentiment, String)> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| review(&mut random)).collect()
}

fn review(random: &mut ChaCha8Rng) -> (Sentiment, String) {
    let opinions = if random.random() { 1 } else { 3 };
    let mut sentences = Vec::new();
    let mut praises = 0;
    for _ in 0..opinions {
        let is_praise = random.random();
        praises += usize::from(is_praise);
        sentences.push(opinion(is_praise, random));
        if random.random() {
            sentences.push(one_of(&ASIDES, random).to_owned());
        }
    }
    let sentiment = match 2 * praises > opinions {
        true => Sentiment::Positive,
        false => Sentiment::Negative,
    };
    (sentiment, sentences.join(" "))
}

/// A sentence that praises or blames.
fn opinion(is_praise: bool, random: &mut ChaCha8Rng) -> String {
    let (subject, verb) = (one_of(&SUBJECTS, random), one_of(&VERBS, random));
    let is_negated = random.random_bool(0.45);
    let adjective = one_of(
        if is_praise != is_negated {
            &PRAISE
        } else {
            &BLAME
        },
        random,
    );
    let before = match (is_negated, random.random_bool(0.4)) {
        (true, _) => format!("{} ", one_of(&NEGATIONS, random)),
        (false, true) => format!("{} ", one_of(&DEGREES, random)),
        (false, false) => String::new(),
    };
    let mut sentence = format!("{subject} {verb} {before}{adjective}.");
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

fn one_of<'a>(list: &[&'a str], random: &mut ChaCha8Rng) -> &'a str {
    list.choose(random).copied().unwrap_or_default()
}
