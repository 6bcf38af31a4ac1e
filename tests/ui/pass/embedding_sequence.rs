//! A sequence of one token is a bag; 0 is the padding.

use tuplenet::{prelude::*, shape::Tokens};

type Net = (Tokens<1, 100>, EmbeddingBag<100, 8>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
