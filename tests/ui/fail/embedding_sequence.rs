//! error: `Embedding<100, 8>` cannot follow a layer that gives `Tokens<1, 100>`

use tuplenet::{prelude::*, shape::Tokens};

type Net = (Tokens<1, 100>, Embedding<100, 8>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
