//! error: `Answer` does not have as many classes as there are values in `Features<3>`

use tuplenet::prelude::*;

tuplenet::classes! {
    pub enum Answer { No, Yes }
}

type Net = (Linear<8, 3>, Logits<Answer>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
