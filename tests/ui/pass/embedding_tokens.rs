//! An embedding takes the tokens of its own vocabulary.

use tuplenet::{prelude::*, shape::Tokens};

type Net = (Tokens<12, 100>, Embedding<100, 8>, Conv1d<8, 4, 3>, GlobalMaxPool2d);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
