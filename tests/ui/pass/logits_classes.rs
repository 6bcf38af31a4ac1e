//! Two logits for two classes.

use tuplenet::prelude::*;

tuplenet::classes! {
    pub enum Answer { No, Yes }
}

type Net = (Linear<8, 2>, Logits<Answer>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
