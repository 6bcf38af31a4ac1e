//! Tells positive reviews from negative ones: by words alone, by pairs of words, and by a convolution over the words.
//!
//! ```text
//! cargo run --release --example sentiment
//! cargo run --release --example sentiment -- "The plot was not bad." "Far from funny."
//! cargo run --release --example sentiment -- --data reviews.tsv
//! ```
//!
//! A file of reviews has two columns with a tab between them: `positive` or `negative`, and the text. Without one, reviews are
//! generated from a seed, with negations: "not bad", "far from funny".
//!
//! A text is the mean of a vector for each of its words, or of its words and pairs of words ("fastText"); or the largest values
//! of a convolution over two and three words at a time. The vocabulary is fitted to the training reviews alone. The bag of
//! pairs and its vocabulary are saved, which is what a program ships, as `examples/firmware` does, without `std`; beside them
//! are its ROC curve and its calibration, as SVG.

#[macro_use]
#[path = "../mnist/output.rs"]
mod output;

#[path = "../diagnose/chart.rs"]
mod chart;
#[path = "../mnist/exit.rs"]
mod exit;
#[path = "../diagnose/pictures.rs"]
mod pictures;
mod reviews;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use clap::Parser;
use rand::{SeedableRng, rngs::ChaCha8Rng, seq::SliceRandom};
use tuplenet::{
    Error, Result,
    data::Csv,
    explain::Calibration,
    label::{self, Label},
    metrics::Evaluation,
    prelude::*,
    shape::Tokens,
    tokenizer::Vocabulary,
};

tuplenet::classes! {
    /// What a review is, as in the file.
    enum Sentiment {
        Negative = "negative",
        Positive = "positive",
    }
}

/// The size of the vocabulary: 20,000 or more for reviews that people wrote.
const VOCABULARY: usize = 2048;
/// The tokens of a review; what is beyond is not read.
type Text = Tokens<128, VOCABULARY>;
/// A mean of vectors.
type Bag = (
    Text,
    EmbeddingBag<VOCABULARY, 8>,
    Linear<8, 16>,
    ReLU,
    Linear<16, 2>,
    Logits<Sentiment>,
);
/// `K` words at a time, wherever they are in the text.
type Width<const K: usize> = (Conv1d<8, 16, K>, ReLU, GlobalMaxPool2d);
type Convolution = (
    Text,
    Embedding<VOCABULARY, 8>,
    Concat<(Width<2>, Width<3>)>,
    Linear<32, 2>,
    Logits<Sentiment>,
);
type Words = Vocabulary<VOCABULARY, String>;
type Review = (Sentiment, String);

/// Tells positive reviews from negative ones.
#[derive(Debug, Parser)]
struct Options {
    /// Texts to classify at the end
    texts: Vec<String>,
    /// Reviews: `positive` or `negative`, a tab, the text; default generated ones
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Number of generated reviews
    #[arg(long, default_value_t = 12_000, conflicts_with = "data")]
    reviews: usize,
    /// Where to write the generated reviews, as a file that --data takes
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    write: Option<PathBuf>,
    /// Number of passes over the training reviews
    #[arg(long, default_value_t = 12)]
    epochs: usize,
    /// Seed of the reviews, their division, the initial weights and the order of samples
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the weights, the vocabulary and the pictures
    #[arg(long, value_name = "DIR", default_value = "target/sentiment")]
    out: PathBuf,
}

fn main() -> ExitCode {
    exit::code(run(&Options::parse()).map(|()| true))
}

fn run(options: &Options) -> Result<()> {
    let mut reviews: Vec<Review> = match &options.data {
        Some(path) => {
            let table = Csv::new(path).header(false).delimiter(b'\t').quote(None);
            table.records::<Review>()?.collect::<Result<_>>()?
        }
        None => {
            println!(
                "no --data: {} reviews generated from seed {}",
                options.reviews, options.seed
            );
            reviews::reviews(options.reviews, options.seed)
        }
    };
    if let Some(path) = &options.write {
        let lines = reviews
            .iter()
            .map(|(sentiment, text)| format!("{}\t{text}\n", sentiment.name()));
        write(path, lines.collect::<String>())?;
    }
    reviews.shuffle(&mut ChaCha8Rng::seed_from_u64(options.seed));
    let (test, training) = reviews.split_at(reviews.len() / 5);
    println!(
        "{} reviews to train on, {} to test on\n",
        training.len(),
        test.len()
    );
    println!("{}\n\n{}\n", Bag::summary(), Convolution::summary());

    println!("                 accuracy  log loss  training");
    compare::<Bag>("words alone", options, (training, test), 1)?;
    compare::<Convolution>("convolution", options, (training, test), 1)?;
    let (net, words, evaluation) = compare::<Bag>("pairs of words", options, (training, test), 2)?;
    save(options, &net, &words)?;
    let roc = evaluation.roc_curve(Sentiment::Positive.index())?;
    pictures::save_both(&roc, &Calibration::of(&evaluation, 10)?, &options.out)?;
    for text in &options.texts {
        println!("{}: {text}", net.classify(&words.tokens(text))?.name());
    }
    Ok(())
}

/// The reviews as tokens.
fn tokens(words: &Words, reviews: &[Review]) -> Result<Dataset<Text, Sentiment>> {
    Dataset::from_records(reviews, |(sentiment, text)| {
        (words.tokens(text), *sentiment)
    })
}

/// Trains on the words and the sequences of up to `longest` words of some reviews, and evaluates on others.
fn compare<N: Network<In = Text, Output = label::Logits<Sentiment>>>(
    name: &str,
    options: &Options,
    (training, test): (&[Review], &[Review]),
    longest: usize,
) -> Result<(Fused<N>, Words, Evaluation)> {
    let begun = Instant::now();
    let words = Words::fit(training.iter().map(|(_, text)| text), longest)?;
    let data = tokens(&words, training)?;
    let mut net = Fused::new(Weights::<N>::init(options.seed))?;
    let adam = Adam {
        learning_rate: 0.01,
        ..Adam::default()
    };
    Trainer::new(adam)
        .loss(CrossEntropy)
        .schedule(Cosine::default())
        .epochs(options.epochs)
        .batch(64)
        .seed(options.seed)
        .fit(&mut net, &data)?;
    let seconds = begun.elapsed().as_secs_f64();
    let evaluation = net.evaluate(&tokens(&words, test)?)?;
    println!(
        "{name:16} {:6.2} %  {:8.4}  {seconds:6.2} s",
        evaluation.accuracy() * 100.0,
        evaluation.loss
    );
    Ok((net, words, evaluation))
}

fn write(path: &Path, text: String) -> Result<()> {
    fs::write(path, text).map_err(|source| Error::Io {
        path: path.to_owned(),
        action: "write",
        source,
        remedy: "name another file with --write",
    })
}

/// Writes the weights and the vocabulary, which a program needs both.
fn save(options: &Options, net: &Fused<Bag>, words: &Words) -> Result<()> {
    let folder: &Path = &options.out;
    fs::create_dir_all(folder).map_err(|source| Error::Io {
        path: folder.to_owned(),
        action: "create",
        source,
        remedy: "name another folder with --out",
    })?;
    let (weights, vocabulary) = (
        folder.join("sentiment.safetensors"),
        folder.join("sentiment.txt"),
    );
    net.weights()?.save(&weights)?;
    words.save(&vocabulary)?;
    println!(
        "\nweights {}, vocabulary {}",
        weights.display(),
        vocabulary.display()
    );
    Ok(())
}
