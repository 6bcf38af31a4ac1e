//! error: `Op::Dropout` takes a percentage below 100

use tuplenet::{layer::Layer, plan::Op, prelude::*, shape::Features};

struct Own;

impl<const N: usize> Layer<Features<N>> for Own {
    type Out = Features<N>;
    const PLAN: Plan = Plan::elementwise(Op::Dropout { percent: 100 }, N);
}

fn main() {
    println!("{}", <(Linear<2, 3>, Own) as Network>::summary());
}
