//! error: the plan of a layer takes or gives another width than its type

use tuplenet::{
    layer::{First, Layer},
    prelude::*,
    shape::Features,
};

struct Own;

impl Layer<Features<2>> for Own {
    type Out = Features<3>;
    const PLAN: Plan = Plan::linear(20, 3);
}

impl First for Own {
    type In = Features<2>;
}

fn main() {
    println!("{}", <(Own, ReLU) as Network>::summary());
}
