//! Ratings: of a file in one of MovieLens' formats, or from a seed.

use std::{collections::HashMap, fs, hash::Hash, path::Path};

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use rand_distr::StandardNormal;
use serde::Deserialize;
use tuplenet::{Error, Result, data::Csv, token::Token};

use crate::{FILMS, USERS};

/// A film that a user has rated.
#[derive(Clone, Copy, Debug)]
pub struct Rating {
    pub user: Token<USERS>,
    pub film: Token<FILMS>,
    pub stars: f32,
}

/// Ratings, with the numbers of users and films in their file.
pub struct Ratings {
    pub all: Vec<Rating>,
    /// The number in the file of each user, by token.
    pub users: Vec<u32>,
    pub films: Vec<u32>,
}

/// A line of `ratings.csv`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    user_id: u32,
    movie_id: u32,
    rating: f32,
}

impl Ratings {
    /// Those of `ratings.csv`, which has a header, or of `u.data`, which has none: user, film, rating and time, with tabs
    /// between them.
    pub fn load(path: &Path) -> Result<Self> {
        let is_csv = path.extension().is_some_and(|extension| extension == "csv");
        let lines: Vec<(u32, u32, f32)> = if is_csv {
            let lines = Csv::new(path).records::<Line>()?;
            let lines = lines.map(|line| line.map(|it| (it.user_id, it.movie_id, it.rating)));
            lines.collect::<Result<_>>()?
        } else {
            let table = Csv::new(path).header(false).delimiter(b'\t');
            let lines = table.records::<(u32, u32, f32, u64)>()?;
            let lines = lines.map(|line| line.map(|(user, film, stars, _)| (user, film, stars)));
            lines.collect::<Result<_>>()?
        };
        let (mut users, mut films) = (Tokens::default(), Tokens::default());
        let ratings = lines.into_iter().map(|(user, film, stars)| {
            Ok(Rating {
                user: users.of(user, "users")?,
                film: films.of(film, "films")?,
                stars,
            })
        });
        Ok(Ratings {
            all: ratings.collect::<Result<_>>()?,
            users: users.numbers,
            films: films.numbers,
        })
    }

    /// Writes them in the format of `u.data`.
    pub fn write(&self, path: &Path) -> Result<()> {
        let lines = self.all.iter().map(|Rating { user, film, stars }| {
            let (user, film) = (self.users[user.index()], self.films[film.index()]);
            format!("{user}\t{film}\t{stars}\t0\n")
        });
        fs::write(path, lines.collect::<String>()).map_err(|source| Error::Io {
            path: path.to_owned(),
            action: "write",
            source,
            remedy: "name another file with --write",
        })
    }

    /// From a seed: users and films have four hidden properties, normally distributed, whose dot product is what a user
    /// thinks of a film; users are more or less strict, films more or less good, and a few films are known to many. Users
    /// mostly see what they like.
    pub fn generated(seed: u64) -> Result<Self> {
        const COUNTS: [usize; 2] = [600, 1000];
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut normal = |deviation: f32| random.sample::<f32, _>(StandardNormal) * deviation;
        let [users, films] = COUNTS.map(|count| {
            let of_one = |_| ([0; 4].map(|_| normal(0.65)), normal(0.35));
            (0..count).map(of_one).collect::<Vec<([f32; 4], f32)>>()
        });
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ 1);
        let mut ratings = HashMap::new();
        let (mut user_tokens, mut film_tokens) = (Tokens::default(), Tokens::default());
        let mut all = Vec::new();
        while all.len() < 60_000 {
            let user = random.random_range(0..users.len());
            // a third of the ratings are of a tenth of the films
            let place: f32 = random.random();
            let film = (place * place * films.len() as f32) as usize;
            let ((tastes, strictness), (properties, quality)) = (users[user], films[film]);
            let taste: f32 = tastes.iter().zip(properties).map(|(a, b)| a * b).sum();
            let noise: f32 = random.sample::<f32, _>(StandardNormal) * 0.5;
            let stars = (3.4 + strictness + quality + taste + noise)
                .round()
                .clamp(1.0, 5.0);
            // the better, the more likely to be seen
            let is_seen = random.random::<f32>() < 0.2 * stars;
            if is_seen && ratings.insert((user, film), ()).is_none() {
                all.push(Rating {
                    user: user_tokens.of(user as u32 + 1, "users")?,
                    film: film_tokens.of(film as u32 + 1, "films")?,
                    stars,
                });
            }
        }
        Ok(Ratings {
            all,
            users: user_tokens.numbers,
            films: film_tokens.numbers,
        })
    }
}

/// The tokens of numbers, in the order in which they first occur.
struct Tokens<N> {
    of: HashMap<N, usize>,
    numbers: Vec<N>,
}

impl<N> Default for Tokens<N> {
    fn default() -> Self {
        Tokens {
            of: HashMap::new(),
            numbers: Vec::new(),
        }
    }
}

impl<N: Copy + Eq + Hash> Tokens<N> {
    fn of<const V: usize>(&mut self, number: N, what: &'static str) -> Result<Token<V>> {
        let next = self.numbers.len();
        let token = *self.of.entry(number).or_insert(next);
        if token == next {
            self.numbers.push(number);
        }
        Token::new(token).ok_or_else(|| Error::Setting {
            setting: what,
            expected: format!("at most {V}, the size of the network's table"),
            found: "more".to_owned(),
        })
    }
}
