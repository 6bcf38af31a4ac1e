//! An embedding makes features of tokens.

use tuplenet::{prelude::*, shape::Tokens};

type Net = (Tokens<64, 100>, EmbeddingBag<100, 2>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
