//! error: `Linear<100, 2>` cannot follow a layer that gives `Tokens<64, 100>`

use tuplenet::{prelude::*, shape::Tokens};

type Net = (Tokens<64, 100>, Linear<100, 2>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
