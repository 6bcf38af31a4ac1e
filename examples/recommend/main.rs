//! Recommends films: how many stars would a user give to a film?
//!
//! ```text
//! cargo run --release --example recommend
//! cargo run --release --example recommend -- --data ml-latest-small/ratings.csv --user 1
//! cargo run --release --example recommend -- --data ml-100k/u.data --network mlp
//! ```
//!
//! Each user and each film has a vector; what a user thinks of a film is their dot product and a number for each of both
//! (matrix factorisation), or a network of both vectors. Without a file, ratings are generated from a seed. What the
//! network knows is compared with the mean rating of each film, which is the same for every user.
//!
//! Sources: Y. Koren, R. Bell, C. Volinsky, "Matrix factorization techniques for recommender systems", 2009; X. He et
//! al., "Neural collaborative filtering", 2017, <https://arxiv.org/abs/1708.05031>; the formats of
//! <https://grouplens.org/datasets/movielens>.

#[macro_use]
#[path = "../mnist/output.rs"]
mod output;

#[path = "../diagnose/chart.rs"]
mod chart;
#[path = "../mnist/exit.rs"]
mod exit;
mod pictures;
mod ratings;

use std::{collections::HashSet, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use rand::{SeedableRng, rngs::ChaCha8Rng, seq::SliceRandom};
use tuplenet::{
    Error, Result,
    layers::{Dot, Sum},
    metrics::{Rankings, RegressionEvaluation},
    prelude::*,
    shape::{Category, Features, Pair},
    target::Values,
    token::Token,
};

use self::ratings::{Rating, Ratings};

/// The most users and films: the sizes of the tables.
const USERS: usize = 1024;
const FILMS: usize = 10_240;
type Input = Pair<Category<USERS>, Category<FILMS>>;

/// The dot product of two vectors, plus a number for the user and one for the film.
type Factors = (
    Residual<
        Parallel<(Embedding<USERS, 8>, Embedding<FILMS, 8>), Dot>,
        Parallel<(Embedding<USERS, 1>, Embedding<FILMS, 1>), Sum>,
    >,
    Linear<1, 1>,
);
/// A network of two vectors.
type Mlp = (
    Parallel<(Embedding<USERS, 16>, Embedding<FILMS, 16>)>,
    Linear<32, 32>,
    ReLU,
    Dropout<20>,
    Linear<32, 1>,
);

/// Recommends films by the ratings of users.
#[derive(Debug, Parser)]
struct Options {
    /// MovieLens' `ratings.csv` or `u.data`; default generated ratings
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Where to write the generated ratings, as a file that --data takes, with tabs
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    write: Option<PathBuf>,
    /// The network
    #[arg(long, value_enum, default_value_t = Choice::Dot)]
    network: Choice,
    /// The user, by number in the file, who gets recommendations
    #[arg(long, default_value_t = 1)]
    user: u32,
    /// Number of passes over the ratings
    #[arg(long, default_value_t = 15)]
    epochs: usize,
    /// Seed of the generated ratings, their division, the initial weights and the order of samples
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to write the weights
    #[arg(
        long,
        value_name = "FILE",
        default_value = "target/recommend.safetensors"
    )]
    save: PathBuf,
    /// Where to draw the predictions for the test ratings, as SVG
    #[arg(long, value_name = "FILE", default_value = "target/recommend.svg")]
    picture: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Choice {
    /// Matrix factorisation
    Dot,
    /// Two layers on both vectors
    Mlp,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match options.network {
        Choice::Dot => run::<Factors>(&options),
        Choice::Mlp => run::<Mlp>(&options),
    };
    exit::code(done.map(|()| true))
}

fn run<N: Network<In = Input, Output = Features<1>>>(options: &Options) -> Result<()> {
    let mut ratings = match &options.data {
        Some(path) => Ratings::load(path)?,
        None => {
            println!("no --data: ratings generated from seed {}", options.seed);
            Ratings::generated(options.seed)?
        }
    };
    if let Some(path) = &options.write {
        ratings.write(path)?;
    }
    let user = ratings
        .users
        .iter()
        .position(|&number| number == options.user);
    let user = user.and_then(Token::new).ok_or_else(|| Error::Setting {
        setting: "user",
        expected: "the number of a user who has rated a film".to_owned(),
        found: options.user.to_string(),
    })?;
    ratings
        .all
        .shuffle(&mut ChaCha8Rng::seed_from_u64(options.seed));
    let (test, training) = ratings.all.split_at(ratings.all.len() / 10);
    println!(
        "{} ratings of {} films by {} users, of which {} to test on\n\n{}\n",
        ratings.all.len(),
        ratings.films.len(),
        ratings.users.len(),
        test.len(),
        N::summary()
    );

    let net = train::<N>(options, training)?;
    let means = Means::of(training);
    println!("                    RMSE  NDCG@10");
    let predicted = predict(&net, test)?;
    let given = test.iter().map(|rating| rating.stars);
    let pairs: Vec<(f32, f32)> = given.zip(predicted.iter().copied()).collect();
    for (name, predictions) in [
        (
            "mean of the film",
            test.iter().map(|rating| means.film(rating.film)).collect(),
        ),
        ("the network", predicted),
    ] {
        let ndcg = rankings(test, &predictions)?
            .ndcg_at(10)
            .unwrap_or_default();
        let targets = test.iter().map(|rating| rating.stars).collect();
        let rmse = RegressionEvaluation::new(1, targets, predictions)?.rmse();
        println!("{name:18} {rmse:6.4}   {ndcg:6.4}");
    }

    net.weights()?.save(&options.save)?;
    println!("\nweights {}", options.save.display());
    pictures::save(pairs.into_iter(), &options.picture)?;
    println!(
        "for user {}, of the films that they have not rated:",
        options.user
    );
    for (film, stars) in best(&net, user, &ratings)? {
        println!("{stars:5.2} stars  film {}", ratings.films[film.index()]);
    }
    Ok(())
}

fn train<N: Network<In = Input, Output = Features<1>>>(
    options: &Options,
    ratings: &[Rating],
) -> Result<Fused<N>> {
    let data = dataset(ratings)?;
    let mut weights = Weights::<N>::init(options.seed);
    // Vectors begin near 0, so that users and films with few ratings remain near the mean, where the network begins.
    for value in weights.as_mut_slice() {
        *value *= 0.1;
    }
    if let [.., weight, bias] = weights.as_mut_slice() {
        *weight = 1.0;
        *bias = Means::of(ratings).all;
    }
    let mut net = Fused::new(weights)?;
    let adam = AdamW {
        learning_rate: 0.01,
        weight_decay: 0.02,
        ..AdamW::default()
    };
    Trainer::new(adam)
        .loss(MeanSquaredError)
        .schedule(Cosine::default())
        .epochs(options.epochs)
        .batch(256)
        .seed(options.seed)
        .fit(&mut net, &data)?;
    Ok(net)
}

fn dataset(ratings: &[Rating]) -> Result<Dataset<Input, Values<1>>> {
    Dataset::from_records(ratings, |it| (Pair(it.user, it.film), [it.stars]))
}

/// The stars that each user would give to each film.
fn predict<N: Network<In = Input, Output = Features<1>>>(
    net: &Fused<N>,
    ratings: &[Rating],
) -> Result<Vec<f32>> {
    let order: Vec<u32> = (0..ratings.len() as u32).collect();
    net.logits(&net.upload(&dataset(ratings)?)?, &order)
}

/// The ten films that a user who has not rated them would like most.
fn best<N: Network<In = Input, Output = Features<1>>>(
    net: &Fused<N>,
    user: Token<USERS>,
    ratings: &Ratings,
) -> Result<Vec<(Token<FILMS>, f32)>> {
    let of_user = ratings.all.iter().filter(|rating| rating.user == user);
    let rated: HashSet<usize> = of_user.map(|rating| rating.film.index()).collect();
    let unseen = (0..ratings.films.len()).filter(|film| !rated.contains(film));
    let unseen: Vec<Rating> = unseen
        .filter_map(Token::new)
        .map(|film| Rating {
            user,
            film,
            stars: 0.0,
        })
        .collect();
    if unseen.is_empty() {
        return Ok(Vec::new());
    }
    let films = unseen.iter().map(|rating| rating.film);
    let mut films: Vec<_> = films.zip(predict(net, &unseen)?).collect();
    films.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    films.truncate(10);
    Ok(films)
}

/// For each user, the films of the test ratings, by prediction; a film is as relevant as its stars are above 3.
fn rankings(ratings: &[Rating], predictions: &[f32]) -> Result<Rankings> {
    let mut of_users: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); USERS];
    for (rating, &prediction) in ratings.iter().zip(predictions) {
        let (scores, relevances) = &mut of_users[rating.user.index()];
        scores.push(prediction.into());
        relevances.push(f64::from(rating.stars - 3.0).max(0.0));
    }
    let mut rankings = Rankings::default();
    for (scores, relevances) in of_users {
        // who likes nothing says nothing about an order
        if relevances.iter().any(|&relevance| relevance > 0.0) {
            rankings.push(&scores, &relevances)?;
        }
    }
    Ok(rankings)
}

/// Mean ratings: of each film, where few ratings count less, and of all.
struct Means {
    all: f32,
    films: Vec<f32>,
}

impl Means {
    fn of(ratings: &[Rating]) -> Self {
        let sum: f32 = ratings.iter().map(|rating| rating.stars).sum();
        let all = sum / ratings.len().max(1) as f32;
        // as if each film had five more ratings, of the mean of all
        let mut films = vec![(5.0 * all, 5.0); FILMS];
        for rating in ratings {
            let (sum, count) = &mut films[rating.film.index()];
            *sum += rating.stars;
            *count += 1.0;
        }
        Means {
            all,
            films: films.into_iter().map(|(sum, count)| sum / count).collect(),
        }
    }

    fn film(&self, film: Token<FILMS>) -> f32 {
        self.films[film.index()]
    }
}
