//! Two logits.

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/good.safetensors";
}

fn main() {
    println!("{:?}", &NET.predict(&[0.5, -0.5])[..2]);
}
