//! error: a branch of a `Concat` of `Features<64>` gives `Features<65>`, and those before it give `Features<448>`: they cannot be concatenated

use tuplenet::prelude::*;

type Net = (Input<64>, Concat<(Linear<64, 384>, Identity, Linear<64, 65>)>, Linear<512, 10>);

fn main() {
    let _: Plan = <Net as Network>::PLAN;
}
