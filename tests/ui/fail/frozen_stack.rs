//! error: weights file `../files/good.safetensors`: `network`: expected layers at most 65536 wide, as activations are
//! on the stack, found a width of 65537

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 65537>) = "../files/good.safetensors";
}

fn main() {
    println!("{:?}", &NET.predict(&[0.5, -0.5])[..2]);
}
