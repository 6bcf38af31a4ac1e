//! error: `1` is a `LayerNorm`, which eight-bit models do not have: use `frozen!`

use tuplenet::prelude::*;

tuplenet::quantized! {
    static NET: (Linear<2, 3>, LayerNorm<3>, Linear<3, 2>) = "../files/eight_bit.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
