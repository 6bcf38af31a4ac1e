//! A kernel is at most as long as the text.

use tuplenet::{prelude::*, shape::Tokens};

type Net = (Tokens<4, 100>, Embedding<100, 8>, Conv1d<8, 4, 4>, GlobalMaxPool2d);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
