//! error: `EmbeddingBag<99, 8>` cannot follow a layer that gives `Tokens<64, 100>`

use tuplenet::{prelude::*, shape::Tokens};

type Net = (Tokens<64, 100>, EmbeddingBag<99, 8>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
