//! error: weights file `../files/overlapping.safetensors`: `2.weight`: expected non-overlapping bytes, found bytes 32 to 56, which overlap `0.bias`: bytes 24 to 36

use tuplenet::prelude::*;

tuplenet::frozen! {
    static NET: (Linear<2, 3>, ReLU, Linear<3, 2>) = "../files/overlapping.safetensors";
}

fn main() {
    println!("{:?}", NET.predict(&[0.5, -0.5]));
}
