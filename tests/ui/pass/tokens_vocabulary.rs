//! The table has a row for each token of the vocabulary.

use tuplenet::{prelude::*, shape::Tokens};

type Net = (Tokens<64, 100>, EmbeddingBag<100, 8>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
