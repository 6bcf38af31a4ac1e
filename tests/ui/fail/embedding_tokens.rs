//! error: `Embedding<99, 8>` cannot follow a layer that gives `Tokens<12, 100>`

use tuplenet::{prelude::*, shape::Tokens};

type Net = (Tokens<12, 100>, Embedding<99, 8>, Conv1d<8, 4, 3>, GlobalMaxPool2d);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
