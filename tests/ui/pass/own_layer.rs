//! The plan has the widths of the type.

use tuplenet::{
    layer::{First, Layer},
    prelude::*,
    shape::Features,
};

struct Own;

impl Layer<Features<2>> for Own {
    type Out = Features<3>;
    const PLAN: Plan = Plan::linear(2, 3);
}

impl First for Own {
    type In = Features<2>;
}

const PARAMS: usize = <(Own, ReLU)>::PARAMS;

fn main() {
    println!("{PARAMS}");
}
